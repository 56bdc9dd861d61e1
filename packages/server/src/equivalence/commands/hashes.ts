/** Asking for unihashes, and reporting outputs. */
import type { ReportedOutput } from "../database.js";
import { Get, GetOuthash, isUnihash, Nothing, ReportEquiv, ReportRequest } from "../messages.js";
import { InvokeError, type Client } from "../context.js";
import { command, type HashCommand, type Stream } from "./command.js";

export const hashCommands: Readonly<Record<string, HashCommand>> = {
  ping: command({ schema: Nothing, permissions: [], run: () => Promise.resolve({ alive: true }) }),
  get: command({
    schema: Get,
    permissions: ["@read"],
    async run({ context }, { all, ...key }) {
      if (all) return (await context.database.outputOfTask(key)) ?? null;
      const [unihash] = await context.database.unihashes([key]);
      return unihash === undefined ? null : { taskhash: key.taskhash, method: key.method, unihash };
    },
  }),
  "get-outhash": command({
    schema: GetOuthash,
    permissions: ["@read"],
    run: async ({ context }, { method, outhash, with_unihash }) =>
      (await context.database.outputOfHash(method, outhash, with_unihash)) ?? null,
  }),
  report: command({
    schema: ReportRequest,
    permissions: ["@read"],
    async run(session, { unihash, owner, ...rest }) {
      const { method, taskhash } = rest;
      const proposed = { ...rest, unihash: checked(unihash) };
      return { taskhash, method, unihash: await answerReport(session, proposed, owner ?? undefined) };
    },
  }),
  "report-equiv": command({
    schema: ReportEquiv,
    permissions: ["@read", "@report"],
    writes: true,
    async run({ context }, { unihash, ...key }) {
      return { ...key, unihash: await context.database.relate(key, checked(unihash)) };
    },
  }),
  // Nothing is fetched behind a client's back.
  "backfill-wait": command({
    schema: Nothing,
    permissions: ["@read"],
    writes: true,
    run: () => Promise.resolve({ tasks: 0 }),
  }),
};

type Proposed = { readonly [Key in keyof ReportedOutput]: ReportedOutput[Key] | null | undefined } & Pick<
  ReportedOutput,
  "method" | "taskhash" | "outhash" | "unihash"
>;

/** Who may only read is told what is known, and nothing is taken down. */
async function answerReport(session: Client, proposed: Proposed, owner: string | undefined): Promise<string> {
  const { database, readOnly } = session.context;
  if (readOnly || !session.may(["@report"])) {
    const known = await database.outputOfHash(proposed.method, proposed.outhash, true);
    return known?.unihash ?? proposed.unihash;
  }
  const { method, taskhash, outhash, unihash } = proposed;
  const report: ReportedOutput = {
    method,
    taskhash,
    outhash,
    unihash,
    owner: session.user?.username ?? owner,
    PN: proposed.PN ?? undefined,
    PV: proposed.PV ?? undefined,
    PR: proposed.PR ?? undefined,
    task: proposed.task ?? undefined,
    outhash_siginfo: proposed.outhash_siginfo ?? undefined,
  };
  const [answer] = await database.report([report]);
  return answer!;
}

function checked(unihash: unknown): string {
  if (isUnihash(unihash)) return unihash;
  throw new InvokeError("Invalid unihash");
}

const KEY_LINE = /^\s*(\S+)\s+(\S+)\s*$/;

export const hashStreams: Readonly<Record<string, Stream>> = {
  "get-stream": {
    permissions: ["@read"],
    async answer({ context }, lines) {
      const keys = lines.map((line) => {
        const found = KEY_LINE.exec(line);
        if (!found) throw new InvokeError("a line of get-stream is METHOD TASKHASH");
        return { method: found[1]!, taskhash: found[2]! };
      });
      return (await context.database.unihashes(keys)).map((one) => one ?? "");
    },
  },
  "exists-stream": {
    permissions: ["@read"],
    answer: async ({ context }, lines) =>
      (await context.database.hasUnihashes(lines.map((line) => line.trim()))).map(String),
  },
};
