/**
 * Hash equivalences with another server behind: what nobody here has told of is asked there, and what it says is kept. Reports stay
 * here. As BitBake's server does it with an upstream server.
 */
import { redact } from "@tsbake/base";
import { HashClient, type HashOutput, type HashServer } from "@tsbake/sstate/remote";
import type { EquivalenceDatabase, HashKey, OutputRow, ReportedOutput } from "../equivalence/index.js";
import type { Log } from "../log.js";
import { Recent } from "../storage/index.js";
import { Breaker } from "./breaker.js";

export interface UpstreamDatabaseOptions {
  readonly server: HashServer;
  readonly login?: { readonly username: string; readonly token: string } | undefined;
  readonly log: Log;
  /** For the connection, and for each answer. Default: 5000. */
  readonly timeoutMs?: number;
  /** How long a server that is down is left alone. Default: 30,000. */
  readonly pauseMs?: number | undefined;
}

const TIMEOUT_MS = 5000;
/** What it does not know, it may learn: other builds report to it. */
const UNKNOWN = { ms: 15_000, most: 200_000 };

/** @param near where all is kept that is learned */
export function withUpstream(
  near: EquivalenceDatabase,
  options: UpstreamDatabaseOptions,
): EquivalenceDatabase {
  const { server, login, log, timeoutMs = TIMEOUT_MS, pauseMs } = options;
  const client = new HashClient({ server, login, timeoutMs });
  const unknown = new Recent<true>(UNKNOWN);
  const breaker = new Breaker({
    ...(pauseMs !== undefined && { pauseMs }),
    onChange: (reason) =>
      reason === undefined
        ? log.info("hash-upstream-up")
        : log.warn("hash-upstream-down", { reason: redact(reason) }),
  });

  /** Asks for one thing; what is not known there is not asked for again at once. */
  const ask = async <Found>(
    name: string,
    work: () => Promise<Found | undefined>,
  ): Promise<Found | undefined> => {
    if (unknown.get(name)) return undefined;
    const found = await breaker.guard(undefined, work);
    if (found === undefined && !breaker.isDown) unknown.keep(name, true);
    return found;
  };
  const keep = async (output: HashOutput | undefined): Promise<void> => {
    if (!output) return;
    await near.relate(output, output.unihash);
    await near.report([reportOf(output)]);
  };
  const proposed = async (report: ReportedOutput): Promise<ReportedOutput> => {
    const { method, outhash, taskhash } = report;
    const [known] = await near.unihashes([report]);
    if (known !== undefined || (await near.outputOfHash(method, outhash, true))) return report;
    const found = await ask(`outhash ${method} ${outhash}`, () =>
      client.outputOfHash(method, outhash, taskhash),
    );
    return found ? { ...report, unihash: found.unihash } : report;
  };

  return {
    ...bound(near),
    async unihashes(keys) {
      const all = [...(await near.unihashes(keys))];
      const name = ({ method, taskhash }: HashKey): string => `${method} ${taskhash}`;
      const missing = keys
        .map((_key, at) => at)
        .filter((at) => all[at] === undefined && !unknown.get(name(keys[at]!)));
      if (missing.length === 0) return all;
      const told = await breaker.guard(undefined, () => client.unihashes(missing.map((at) => keys[at]!)));
      for (const [place, at] of missing.entries()) {
        const unihash = told?.[place];
        if (unihash !== undefined) all[at] = await near.relate(keys[at]!, unihash);
        else if (told) unknown.keep(name(keys[at]!), true);
      }
      return all;
    },
    async hasUnihashes(unihashes) {
      const all = [...(await near.hasUnihashes(unihashes))];
      const missing = unihashes.map((_one, at) => at).filter((at) => !all[at]);
      if (missing.length === 0) return all;
      const told = await breaker.guard(undefined, () =>
        client.hasUnihashes(missing.map((at) => unihashes[at]!)),
      );
      for (const [place, at] of missing.entries()) all[at] = told?.[place] ?? false;
      return all;
    },
    async report(reports) {
      const all: ReportedOutput[] = [];
      for (const report of reports) all.push(await proposed(report));
      return near.report(all);
    },
    async outputOfTask(key) {
      const found = await near.outputOfTask(key);
      if (found) return found;
      await keep(await ask(`task ${key.method} ${key.taskhash}`, () => client.outputOfTask(key)));
      return near.outputOfTask(key);
    },
    async outputOfHash(method, outhash, withUnihash): Promise<OutputRow | undefined> {
      const found = await near.outputOfHash(method, outhash, withUnihash);
      if (found) return found;
      // The protocol wants a task hash with the question, and looks at the output's alone.
      await keep(
        await ask(`outhash ${method} ${outhash}`, () => client.outputOfHash(method, outhash, outhash)),
      );
      return near.outputOfHash(method, outhash, withUnihash);
    },
    async close() {
      client.close();
      await near.close();
    },
  };
}

function reportOf({ owner, PN, PV, PR, task, outhash_siginfo, ...rest }: HashOutput): ReportedOutput {
  const facts = { owner, PN, PV, PR, task, outhash_siginfo };
  return {
    ...rest,
    ...Object.fromEntries(Object.entries(facts).filter(([, value]) => typeof value === "string")),
  };
}

/** What is ours alone: tidying, users. */
function bound(
  near: EquivalenceDatabase,
): Omit<
  EquivalenceDatabase,
  "unihashes" | "hasUnihashes" | "report" | "outputOfTask" | "outputOfHash" | "close"
> {
  return {
    relate: (key, unihash) => near.relate(key, unihash),
    remove: (condition) => near.remove(condition),
    mark: (mark, condition) => near.mark(mark, condition),
    sweep: (mark) => near.sweep(mark),
    collection: () => near.collection(),
    removeUnused: (olderThanMs) => near.removeUnused(olderThanMs),
    users: () => near.users(),
    user: (username) => near.user(username),
    addUser: (user) => near.addUser(user),
    changeUser: (username, change) => near.changeUser(username, change),
    removeUser: (username) => near.removeUser(username),
    usage: () => near.usage(),
  };
}
