/** Keeping the database in bounds, and what it says of itself. */
import { OUTPUT_COLUMNS, UNIHASH_COLUMNS } from "../database.js";
import { CleanUnused, Mark, Nothing, Sweep, Where } from "../messages.js";
import { InvokeError } from "../context.js";
import { command, readRequest, type HashCommand, type Stream } from "./command.js";

const admin = { permissions: ["@db-admin"] } as const;

export const maintenanceCommands: Readonly<Record<string, HashCommand>> = {
  "get-stats": command({
    schema: Nothing,
    permissions: ["@read"],
    run: ({ context }) => Promise.resolve({ requests: context.statistics.get() }),
  }),
  "reset-stats": command({
    ...admin,
    schema: Nothing,
    writes: true,
    run: ({ context }) => Promise.resolve({ requests: context.statistics.reset() }),
  }),
  remove: command({
    ...admin,
    schema: Where,
    writes: true,
    async run({ context, user, address }, { where }) {
      const count = await context.database.remove(where);
      context.log.info("equivalence-remove", { client: address, user: user?.username, count });
      return { count };
    },
  }),
  "gc-mark": command({
    ...admin,
    schema: Mark,
    writes: true,
    run: async ({ context }, { mark, where }) => ({ count: await context.database.mark(mark, where) }),
  }),
  "gc-sweep": command({
    ...admin,
    schema: Sweep,
    writes: true,
    async run({ context, user, address }, { mark }) {
      const count = await context.database.sweep(mark);
      if (count === undefined)
        throw new InvokeError(`${JSON.stringify(mark)} is not the mark of the present collection`);
      context.log.info("equivalence-sweep", { client: address, user: user?.username, count });
      return { count };
    },
  }),
  "gc-status": command({
    ...admin,
    schema: Nothing,
    writes: true,
    async run({ context }) {
      const { keep, remove, mark } = await context.database.collection();
      return { keep, remove, mark: mark ?? null };
    },
  }),
  "clean-unused": command({
    ...admin,
    schema: CleanUnused,
    writes: true,
    async run({ context }, { max_age_seconds }) {
      const oldest = Math.max(0, Date.now() - Math.max(0, max_age_seconds) * 1000);
      return { count: await context.database.removeUnused(oldest) };
    },
  }),
  "get-db-usage": command({
    ...admin,
    schema: Nothing,
    run: async ({ context }) => ({ usage: await context.database.usage() }),
  }),
  "get-db-query-columns": command({
    ...admin,
    schema: Nothing,
    run: () => Promise.resolve({ columns: [...new Set([...UNIHASH_COLUMNS, ...OUTPUT_COLUMNS])] }),
  }),
};

export const maintenanceStreams: Readonly<Record<string, Stream>> = {
  "gc-mark-stream": {
    permissions: ["@db-admin"],
    async answer({ context }, lines) {
      if (context.readOnly) throw new InvokeError("this server is read-only");
      const answers: string[] = [];
      for (const line of lines) {
        const { mark, where } = readRequest(Mark, jsonOf(line));
        answers.push(JSON.stringify({ count: await context.database.mark(mark, where) }));
      }
      return answers;
    },
  },
};

function jsonOf(line: string): unknown {
  try {
    return JSON.parse(line);
  } catch {
    throw new InvokeError("a line of gc-mark-stream is JSON");
  }
}
