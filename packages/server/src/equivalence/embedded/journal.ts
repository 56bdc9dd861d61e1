/**
 * Reports on their way into the tables. What is reported belongs into four sorted trees, at places that hashes choose, so each report
 * on its own writes five or six pages. It is written down in a journal instead, at its end, with the batch that it came with: that is what
 * an answer waits for. What is in the journal is put into the tables together, and their pages are written once.
 *
 * Until then this process knows what the tables lack (`Decisions`). When another process has changed the file, the journal is put into
 * the tables before anything else: neither works with what the other does not see.
 */
import type Database from "libsql";
import type { HashKey, ReportedOutput } from "../database.js";
import { Decisions, type KnownHashes } from "../decide.js";

/** The more wait for the tables, the fewer pages each costs; all others wait as long as putting them there takes. */
const MOST_REPORTS = 2000;
const MOST_JOURNAL_CHARS = 4 << 20;

const COLUMNS = ["method", "taskhash", "outhash", "owner", "PN", "PV", "PR", "task", "outhash_siginfo"] as const;

/** Asked with a list of `[method, taskhash, outhash]`, as JSON. */
const ASKED = `(SELECT DISTINCT value->>0 AS method, value->>1 AS taskhash, value->>2 AS outhash FROM json_each(?)) k`;

/** All of it is called inside a transaction that writes, unless it says otherwise. */
export class Journal {
  readonly #decisions = new Decisions();
  #reports = 0;
  #chars = 0;
  /** Of the file, when the decisions were right; undefined: they are not. */
  #version: number | undefined;
  readonly #fileVersion;
  readonly #oldest;
  readonly #unihashes;
  readonly #outputs;
  readonly #append;
  readonly #first;
  readonly #steps;

  constructor(sql: Database.Database) {
    // Another number as soon as another connection has changed the file; what this one does leaves it alone.
    this.#fileVersion = sql.prepare("PRAGMA data_version").raw(true);
    this.#unihashes = sql
      .prepare(
        `SELECT u.method, u.taskhash, u.unihash FROM ${ASKED}
         CROSS JOIN unihashes u ON u.taskhash = k.taskhash AND u.method = k.method`,
      )
      .raw(true);
    this.#outputs = sql
      .prepare(
        `SELECT o.method, o.taskhash, o.outhash, o.id FROM ${ASKED}
         CROSS JOIN outputs o ON o.method = k.method AND o.taskhash = k.taskhash`,
      )
      .raw(true);
    // Of an output that thousands of tasks have (nothing at all, say) one line is looked at: the index has them by age.
    this.#oldest = sql
      .prepare(
        `SELECT o.method, o.outhash, o.id, u.unihash FROM ${ASKED}
         CROSS JOIN outputs o ON o.id = (
           SELECT p.id FROM outputs p INDEXED BY outputs_by_outhash CROSS JOIN unihashes q USING (method, taskhash)
           WHERE p.outhash = k.outhash AND p.method = k.method ORDER BY p.id LIMIT 1)
         CROSS JOIN unihashes u ON u.taskhash = o.taskhash AND u.method = o.method`,
      )
      .raw(true);
    this.#append = sql.prepare("INSERT INTO journal (created, outputs, unihashes) VALUES (?, ?, ?)");
    this.#first = sql.prepare("SELECT id FROM journal LIMIT 1");
    this.#steps = [
      `INSERT INTO outputs (${COLUMNS.join(", ")}, created)
       SELECT ${COLUMNS.map((_column, at) => `o.value->>${at}`).join(", ")}, j.created
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
      const outputs = JSON.stringify(newOutputs.map((one) => COLUMNS.map((column) => one[column])));
      const named = JSON.stringify(newUnihashes.map(({ method, taskhash, unihash }) => [method, taskhash, unihash]));
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
    const [version] = this.#fileVersion.get() as unknown[];
    return Number(version);
  }

  #knownOf(reports: readonly ReportedOutput[]): KnownHashes {
    const asked = JSON.stringify(reports.map(({ method, taskhash, outhash }) => [method, taskhash, outhash]));
    const rows = (statement: Database.Statement) => statement.all(asked) as [string, string, string, string][];
    return {
      unihashes: rows(this.#unihashes).map(([method, taskhash, unihash]) => ({ method, taskhash, unihash })),
      outputs: rows(this.#outputs).map(([method, taskhash, outhash, id]) => ({
        method,
        taskhash,
        outhash,
        id: Number(id),
      })),
      oldest: rows(this.#oldest).map(([method, outhash, id, unihash]) => ({
        method,
        outhash,
        id: Number(id),
        unihash,
      })),
    };
  }
}
