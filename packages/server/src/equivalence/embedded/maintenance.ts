/** Taking lines away: by condition, by collection, by age. Called inside a transaction. */
import type Database from "libsql";
import { clauseOf } from "../condition.js";
import { OUTPUT_COLUMNS, UNIHASH_COLUMNS, type Condition } from "../database.js";
import { numberOf, textOf } from "../rows.js";

const MARK = "gc-mark";

/** What each method counts are lines; `EquivalenceDatabase` says what it is for. */
export class Maintenance {
  readonly #sql: Database.Database;

  constructor(sql: Database.Database) {
    this.#sql = sql;
  }

  remove(condition: Condition): number {
    let count = 0;
    for (const [table, columns] of [
      ["outputs", OUTPUT_COLUMNS],
      ["unihashes", UNIHASH_COLUMNS],
    ] as const) {
      const { clause, values } = clauseOf(columns, condition);
      if (values.length > 0)
        count += this.#sql.prepare(`DELETE FROM ${table} WHERE ${clause}`).run(...values).changes;
    }
    return count;
  }

  mark(mark: string, condition: Condition): number {
    this.#set(mark);
    const { clause, values } = clauseOf(UNIHASH_COLUMNS, condition);
    // Without a condition everything would be marked, and nothing collected.
    if (values.length === 0) return 0;
    return this.#sql.prepare(`UPDATE unihashes SET gc_mark = ? WHERE ${clause}`).run(mark, ...values).changes;
  }

  sweep(mark: string): number | undefined {
    if (mark === "" || this.#mark() !== mark) return undefined;
    const { changes } = this.#sql.prepare("DELETE FROM unihashes WHERE gc_mark <> ?").run(mark);
    this.#set(null);
    return changes;
  }

  collection(): { keep: number; remove: number; mark: string | undefined } {
    const mark = this.#mark();
    const keep = numberOf(
      this.#sql.prepare("SELECT count(*) AS n FROM unihashes WHERE gc_mark = ?").get(mark ?? ""),
      "n",
    );
    const all = numberOf(this.#sql.prepare("SELECT count(*) AS n FROM unihashes").get(), "n");
    return { keep, remove: all - keep, mark };
  }

  removeUnused(olderThanMs: number): number {
    return this.#sql
      .prepare(
        `DELETE FROM outputs WHERE created <= ? AND NOT EXISTS
         (SELECT 1 FROM unihashes u WHERE u.method = outputs.method AND u.taskhash = outputs.taskhash)`,
      )
      .run(new Date(olderThanMs).toISOString()).changes;
  }

  usage(): Record<string, { rows: number }> {
    const usage: Record<string, { rows: number }> = {};
    for (const table of ["outputs", "unihashes", "users", "settings"])
      usage[table] = { rows: numberOf(this.#sql.prepare(`SELECT count(*) AS n FROM ${table}`).get(), "n") };
    return usage;
  }

  #mark(): string | undefined {
    return textOf(this.#sql.prepare("SELECT value FROM settings WHERE name = ?").get(MARK), "value");
  }

  #set(mark: string | null): void {
    this.#sql
      .prepare(
        "INSERT INTO settings (name, value) VALUES (?, ?) ON CONFLICT (name) DO UPDATE SET value = excluded.value",
      )
      .run(MARK, mark);
  }
}
