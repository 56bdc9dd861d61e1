/** What reports change, worked out from what the database has of their hashes: one after the other, in one go. */
import type { HashKey, ReportedOutput } from "./database.js";

/** An output that the database has. */
export interface KnownOutput extends HashKey {
  readonly outhash: string;
  /** The less, the older. */
  readonly id: number;
}

/** All that the database has of the hashes in some reports. */
export interface KnownHashes {
  /** Of the reported task hashes. */
  readonly unihashes: readonly NamedTask[];
  /** Of the reported task hashes, all of them. */
  readonly outputs: readonly KnownOutput[];
  /** Of each reported output hash the oldest whose task has a unihash. */
  readonly oldest: readonly OldestOutput[];
}

export interface OldestOutput {
  readonly method: string;
  readonly outhash: string;
  readonly id: number;
  readonly unihash: string;
}

export interface NamedTask extends HashKey {
  readonly unihash: string;
}

export interface ReportOutcome {
  /** Of each report, in their order. */
  readonly unihashes: readonly string[];
  readonly newOutputs: readonly ReportedOutput[];
  readonly newUnihashes: readonly NamedTask[];
}

/** Newer than all that the database has. */
const NEW = Number.MAX_SAFE_INTEGER;

/**
 * Decisions that the tables of the database do not have yet. The rule is that of `EquivalenceDatabase.report`; each report sees
 * those before it.
 */
export class Decisions {
  readonly #unihashes = new Map<string, string>();
  readonly #outputsOf = new Map<string, Map<string, number>>();
  readonly #oldest = new Map<string, { readonly id: number; readonly unihash: string }>();
  /** Those that tasks have got by a decision. */
  readonly #given = new Set<string>();

  /** @param known what the tables have of all hashes in the reports */
  decide(reports: readonly ReportedOutput[], known: KnownHashes): ReportOutcome {
    this.#learn(known);
    const newOutputs: ReportedOutput[] = [];
    const newUnihashes: NamedTask[] = [];
    const unihashes = reports.map((report) => {
      const { method, taskhash, outhash } = report;
      const task = key(method, taskhash);
      const had = this.#unihashes.get(task);
      const outputs = this.#outputs(task);
      if (outputs.has(outhash)) return had ?? report.unihash;
      newOutputs.push(report);
      outputs.set(outhash, NEW);
      const unihash = had ?? this.#oldest.get(key(method, outhash))?.unihash ?? report.unihash;
      if (had !== undefined) {
        this.#makesFirst(method, outhash, NEW, unihash);
        return unihash;
      }
      this.#unihashes.set(task, unihash);
      this.#given.add(unihash);
      newUnihashes.push({ method, taskhash, unihash });
      // All outputs of the task, those of before too, are now those of one with a unihash.
      for (const [one, id] of outputs) this.#makesFirst(method, one, id, unihash);
      return unihash;
    });
    return { unihashes, newOutputs, newUnihashes };
  }

  /** Of a task that a report was about. */
  unihashOf({ method, taskhash }: HashKey): string | undefined {
    return this.#unihashes.get(key(method, taskhash));
  }

  /** Whether a decision has given it to a task. */
  hasGiven(unihash: string): boolean {
    return this.#given.has(unihash);
  }

  /** The tables have all of it, or something else has happened to them. */
  clear(): void {
    for (const all of [this.#unihashes, this.#outputsOf, this.#oldest, this.#given]) all.clear();
  }

  #learn({ unihashes, outputs, oldest }: KnownHashes): void {
    for (const { method, taskhash, unihash } of unihashes)
      this.#unihashes.set(key(method, taskhash), unihash);
    for (const { method, taskhash, outhash, id } of outputs)
      this.#outputs(key(method, taskhash)).set(outhash, id);
    for (const { method, outhash, id, unihash } of oldest) this.#makesFirst(method, outhash, id, unihash);
  }

  #makesFirst(method: string, outhash: string, id: number, unihash: string): void {
    const output = key(method, outhash);
    const found = this.#oldest.get(output);
    if (!found || id < found.id) this.#oldest.set(output, { id, unihash });
  }

  #outputs(task: string): Map<string, number> {
    let outputs = this.#outputsOf.get(task);
    if (!outputs) this.#outputsOf.set(task, (outputs = new Map()));
    return outputs;
  }
}

function key(method: string, hash: string): string {
  return `${method}\0${hash}`;
}
