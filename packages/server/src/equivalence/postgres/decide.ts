/** What reports change, worked out from what the database has of their hashes: one after the other, in one go. */
import type { HashKey, ReportedOutput } from "../database.js";

/** An output that the database has. */
export interface KnownOutput extends HashKey {
  readonly outhash: string;
  /** The less, the older. */
  readonly id: number;
}

/** All that the database has of the hashes in some reports. */
export interface KnownHashes {
  /** Of the reported task hashes. */
  readonly unihashes: readonly (HashKey & { readonly unihash: string })[];
  /** Of the reported task hashes, all of them. */
  readonly outputs: readonly KnownOutput[];
  /** Of each reported output hash the oldest whose task has a unihash. */
  readonly oldest: readonly { method: string; outhash: string; id: number; unihash: string }[];
}

export interface ReportOutcome {
  /** Of each report, in their order. */
  readonly unihashes: readonly string[];
  readonly newOutputs: readonly ReportedOutput[];
  readonly newUnihashes: readonly (HashKey & { readonly unihash: string })[];
}

/** The rule is that of `EquivalenceDatabase.report`; each report sees those before it. */
export function decide(reports: readonly ReportedOutput[], known: KnownHashes): ReportOutcome {
  const unihashes = new Map(known.unihashes.map((one) => [taskKey(one), one.unihash]));
  const outputsOf = new Map<string, { outhash: string; id: number }[]>();
  for (const { id, outhash, ...key } of known.outputs) listIn(outputsOf, taskKey(key)).push({ outhash, id });
  const oldest = new Map(known.oldest.map(({ method, outhash, ...rest }) => [key(method, outhash), rest]));
  const newOutputs: ReportedOutput[] = [];
  const newUnihashes: (HashKey & { unihash: string })[] = [];
  const answers = reports.map((report) => {
    const { method, taskhash, outhash } = report;
    const had = unihashes.get(taskKey(report));
    const outputs = listIn(outputsOf, taskKey(report));
    if (outputs.some((one) => one.outhash === outhash)) return had ?? report.unihash;
    newOutputs.push(report);
    // Newer than all that the database has.
    outputs.push({ outhash, id: Number.MAX_SAFE_INTEGER });
    const unihash = had ?? oldest.get(key(method, outhash))?.unihash ?? report.unihash;
    if (had === undefined) {
      unihashes.set(taskKey(report), unihash);
      newUnihashes.push({ method, taskhash, unihash });
    }
    // Outputs of the task are now those of one with a unihash; without one before, its older outputs, too.
    for (const one of had === undefined ? outputs : outputs.slice(-1)) {
      const found = oldest.get(key(method, one.outhash));
      if (!found || one.id < found.id) oldest.set(key(method, one.outhash), { id: one.id, unihash });
    }
    return unihash;
  });
  return { unihashes: answers, newOutputs, newUnihashes };
}

function listIn<Value>(lists: Map<string, Value[]>, name: string): Value[] {
  let list = lists.get(name);
  if (!list) lists.set(name, (list = []));
  return list;
}

function taskKey({ method, taskhash }: HashKey): string {
  return key(method, taskhash);
}

function key(method: string, hash: string): string {
  return `${method}\0${hash}`;
}
