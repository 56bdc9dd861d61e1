/** Taking lines away: by condition, by collection, by age. What writes is called inside a transaction. */
import { clauseOf } from "../condition.js";
import { OUTPUT_COLUMNS, UNIHASH_COLUMNS, type Condition } from "../database.js";
import { numberOf, textOf } from "../rows.js";
import type { Sql } from "./connection.js";

const MARK = "gc-mark";

export async function removeLines(sql: Sql, condition: Condition): Promise<number> {
  let count = 0;
  for (const [table, columns] of [
    ["outputs", OUTPUT_COLUMNS],
    ["unihashes", UNIHASH_COLUMNS],
  ] as const) {
    const { clause, values } = clauseOf(columns, condition, numbered(1));
    if (values.length > 0) count += (await sql.query(`DELETE FROM ${table} WHERE ${clause}`, values)).changes;
  }
  return count;
}

export async function markLines(sql: Sql, mark: string, condition: Condition): Promise<number> {
  await setMark(sql, mark);
  const { clause, values } = clauseOf(UNIHASH_COLUMNS, condition, numbered(2));
  // Without a condition everything would be marked, and nothing collected.
  if (values.length === 0) return 0;
  return (await sql.query(`UPDATE unihashes SET gc_mark = $1 WHERE ${clause}`, [mark, ...values])).changes;
}

export async function sweepLines(sql: Sql, mark: string): Promise<number | undefined> {
  if (mark === "" || (await markOf(sql)) !== mark) return undefined;
  const { changes } = await sql.query("DELETE FROM unihashes WHERE gc_mark <> $1", [mark]);
  await setMark(sql, null);
  return changes;
}

export async function collectionOf(
  sql: Sql,
): Promise<{ keep: number; remove: number; mark: string | undefined }> {
  const mark = await markOf(sql);
  const { rows } = await sql.query(
    `SELECT count(*)::float8 AS all_lines, count(*) FILTER (WHERE gc_mark = $1)::float8 AS kept FROM unihashes`,
    [mark ?? ""],
  );
  const keep = numberOf(rows[0], "kept");
  return { keep, remove: numberOf(rows[0], "all_lines") - keep, mark };
}

export async function removeUnusedLines(sql: Sql, olderThanMs: number): Promise<number> {
  const { changes } = await sql.query(
    `DELETE FROM outputs WHERE created <= $1 AND NOT EXISTS
     (SELECT 1 FROM unihashes u WHERE u.method = outputs.method AND u.taskhash = outputs.taskhash)`,
    [new Date(olderThanMs).toISOString()],
  );
  return changes;
}

export async function usageOf(sql: Sql): Promise<Record<string, { rows: number }>> {
  const usage: Record<string, { rows: number }> = {};
  for (const table of ["outputs", "unihashes", "users", "settings"]) {
    const { rows } = await sql.query(`SELECT count(*)::float8 AS n FROM ${table}`);
    usage[table] = { rows: numberOf(rows[0], "n") };
  }
  return usage;
}

async function markOf(sql: Sql): Promise<string | undefined> {
  return textOf((await sql.query("SELECT value FROM settings WHERE name = $1", [MARK])).rows[0], "value");
}

async function setMark(sql: Sql, mark: string | null): Promise<void> {
  await sql.query(
    "INSERT INTO settings (name, value) VALUES ($1, $2) ON CONFLICT (name) DO UPDATE SET value = excluded.value",
    [MARK, mark],
  );
}

/** Places begin at `$first`; names in upper case are names of columns only in quotes. */
function numbered(first: number) {
  return { quote: (column: string) => `"${column}"`, place: (at: number) => `$${first + at}` };
}
