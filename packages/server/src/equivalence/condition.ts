/** A condition as a piece of SQL. */
import type { Condition } from "./database.js";

/** How a database wants names of columns and places of values. */
export interface SqlDialect {
  readonly quote: (column: string) => string;
  readonly place: (at: number) => string;
}

const PLAIN: SqlDialect = { quote: (column) => column, place: () => "?" };

/** Names of columns come from our own lists only; values are bound. */
export function clauseOf(
  columns: readonly string[],
  condition: Condition,
  { quote, place }: SqlDialect = PLAIN,
): { clause: string; values: string[] } {
  const named = columns.filter((column) => Object.hasOwn(condition, column));
  return {
    clause: named.map((column, at) => `${quote(column)} = ${place(at)}`).join(" AND "),
    values: named.map((column) => condition[column]!),
  };
}
