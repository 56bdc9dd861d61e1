/**
 * Reports on their way into the tables. What is reported belongs into four sorted trees, at places that hashes choose, so each report
 * on its own writes five or six pages. It is written down in a journal instead, at its end, with the batch that it came with: that is what
 * an answer waits for. What is in the journal is put into the tables together, and their pages are written once.
 *
 * Until then this process knows what the tables lack (`Decisions`). When another process has changed the file, the journal is put into
 * the tables before anything else: neither works with what the other does not see.
 */
import type Database from "libsql";
import { type HashKey, OUTPUT_COLUMNS, type ReportedOutput } from "../database.js";
import {
  Decisions,
  type KnownHashes,
  type KnownOutput,
  type NamedTask,
  type OldestOutput,
} from "../decide.js";

/** The more wait for the tables, the fewer pages each costs; all others wait as long as putting them there takes. */
const MOST_REPORTS = 2000;
const MOST_JOURNAL_CHARS = 4 << 20;

/** All of it is called inside a transaction that writes, unless it says otherwise. */
export class Journal {
  readonly #decisions = new Decisions();
  #reports = 0;
  #chars = 0;
  /** Of the file, when the decisions were right; undefined: they are not. */
  #version: number | undefined;
  readonly #fileVersion;
  readonly #oldest;
  readonly #unihash;
  readonly #hasOutputs;
  readonly #outputs;
  readonly #append;
  readonly #first;
  readonly #steps;

  constructor(sql: Database.Database) {
    // Another number as soon as another connection has changed the file; what this one does leaves it alone.
    this.#fileVersion = sql.prepare("PRAGMA data_version").raw(true);
    this.#unihash = sql.prepare("SELECT unihash FROM unihashes WHERE taskhash = ? AND method = ?").raw(true);
    const ofTask = "FROM outputs WHERE method = ? AND taskhash = ?";
    this.#hasOutputs = sql.prepare(`SELECT 1 ${ofTask} LIMIT 1`).raw(true);
    this.#outputs = sql.prepare(`SELECT outhash, id ${ofTask}`).raw(true);
    // Of an output that thousands of tasks have (nothing at all, say) one line is looked at: the index has them by age.
    this.#oldest = sql
      .prepare(
        `SELECT o.id, u.unihash FROM outputs o INDEXED BY outputs_by_outhash CROSS JOIN unihashes u USING (method, taskhash)
         WHERE o.outhash = ? AND o.method = ? ORDER BY o.id LIMIT 1`,
      )
      .raw(true);
    this.#append = sql.prepare("INSERT INTO journal (created, outputs, unihashes) VALUES (?, ?, ?)");
    this.#first = sql.prepare("SELECT id FROM journal LIMIT 1");
    this.#steps = [
      `INSERT INTO outputs (${OUTPUT_COLUMNS.join(", ")}, created)
       SELECT ${OUTPUT_COLUMNS.map((_column, at) => `o.value->>${at}`).join(", ")}, j.created
       FROM journal j CROSS JOIN json_each(j.outputs) o WHERE true ORDER BY j.id, o.key ON CONFLICT DO NOTHING`,
      `INSERT INTO unihashes (method, taskhash, unihash, gc_mark)
       SELECT u.value->>0, u.value->>1, u.value->>2,
         coalesce((SELECT value FROM settings WHERE name = 'gc-mark'), '')
       FROM journal j CROSS JOIN json_each(j.unihashes) u WHERE true ORDER BY j.id, u.key ON CONFLICT DO NOTHING`,
      "DELETE FROM journal",
    ].map((step) => sql.prepare(step));
  }

  /** Whether the tables lack something; outside of a transaction. */
  get isEmpty(): boolean {
    return this.#first.get() === undefined;
  }

  /**
   * Looks whether another process has changed the file; outside of a transaction.
   *
   * @returns false when the journal may have what this process does not know: it must be applied
   */
  lookAround(): boolean {
    const version = this.#versionOfFile();
    if (version === this.#version) return true;
    this.forget();
    this.#version = version;
    return this.isEmpty;
  }

  /** Beside the tables, when nobody else has changed them; outside of a transaction. */
  unihashOf(key: HashKey): string | undefined {
    return this.#decisions.unihashOf(key);
  }

  /** Beside the tables, when nobody else has changed them; outside of a transaction. */
  has(unihash: string): boolean {
    return this.#decisions.hasGiven(unihash);
  }

  /** @returns the unihash of each from now on */
  take(reports: readonly ReportedOutput[]): readonly string[] {
    const version = this.#versionOfFile();
    if (version !== this.#version) this.apply();
    this.#version = version;
    const { unihashes, newOutputs, newUnihashes } = this.#decisions.decide(reports, this.#knownOf(reports));
    if (newOutputs.length > 0) {
      const outputs = JSON.stringify(newOutputs.map((one) => OUTPUT_COLUMNS.map((column) => one[column])));
      const named = JSON.stringify(
        newUnihashes.map(({ method, taskhash, unihash }) => [method, taskhash, unihash]),
      );
      this.#append.run(new Date().toISOString(), outputs, named);
      this.#chars += outputs.length;
    }
    this.#reports += reports.length;
    if (this.#reports >= MOST_REPORTS || this.#chars >= MOST_JOURNAL_CHARS) this.apply();
    return unihashes;
  }

  /** Puts all into the tables that is in no table yet, whoever has written it down. */
  apply(): void {
    if (!this.isEmpty) for (const step of this.#steps) step.run();
    this.#decisions.clear();
    this.#reports = this.#chars = 0;
  }

  /** The transaction has failed: what was decided in it is not so. */
  forget(): void {
    this.#decisions.clear();
    this.#version = undefined;
  }

  #versionOfFile(): number {
    return Number(rowOf(this.#fileVersion.get())[0]);
  }

  #knownOf(reports: readonly ReportedOutput[]): KnownHashes {
    const known = {
      unihashes: [] as NamedTask[],
      outputs: [] as KnownOutput[],
      oldest: [] as OldestOutput[],
    };
    // A question costs two microseconds; a list of them as JSON in one question costs more.
    for (const { method, taskhash, outhash } of reports) {
      const [unihash] = rowOf(this.#unihash.get(taskhash, method));
      if (typeof unihash === "string") known.unihashes.push({ method, taskhash, unihash });
      // Most have none, and an empty list takes longer than an empty row.
      if (this.#hasOutputs.get(method, taskhash) !== undefined)
        for (const row of this.#outputs.all(method, taskhash)) {
          const [one, id] = rowOf(row);
          known.outputs.push({ method, taskhash, outhash: String(one), id: Number(id) });
        }
      const [id, name] = rowOf(this.#oldest.get(outhash, method));
      if (typeof name === "string") known.oldest.push({ method, outhash, id: Number(id), unihash: name });
    }
    return known;
  }
}

function rowOf(row: unknown): readonly unknown[] {
  return Array.isArray(row) ? row : [];
}
