/** Rows of a database as what they are: unknown until looked at. */
import { words } from "@tsbake/base";
import type { OutputRow, UserRow } from "./database.js";

/** A text of the row; undefined where there is no row, no such column, or NULL. */
export function textOf(row: unknown, column: string): string | undefined {
  const value = valueOf(row, column);
  return typeof value === "string" ? value : undefined;
}

/** A number of the row; 0 where there is none. */
export function numberOf(row: unknown, column: string): number {
  const value = valueOf(row, column);
  return typeof value === "number" ? value : 0;
}

function valueOf(row: unknown, column: string): unknown {
  if (typeof row !== "object" || row === null) return undefined;
  const found: Readonly<Record<string, unknown>> = { ...row };
  return found[column];
}

/** Those of the columns that have a text. */
function optional(row: unknown, columns: readonly string[]): Record<string, string> {
  const found: Record<string, string> = {};
  for (const column of columns) {
    const text = textOf(row, column);
    if (text !== undefined) found[column] = text;
  }
  return found;
}

/** Undefined where there is no row. */
export function outputOf(row: unknown): OutputRow | undefined {
  if (row === undefined) return undefined;
  const text = (name: string): string => textOf(row, name) ?? "";
  return {
    method: text("method"),
    taskhash: text("taskhash"),
    outhash: text("outhash"),
    created: text("created"),
    ...optional(row, ["unihash", "owner", "PN", "PV", "PR", "task", "outhash_siginfo"]),
  };
}

/** A row of the table of users. */
export function userOf(row: unknown): UserRow {
  return {
    username: textOf(row, "username") ?? "",
    permissions: words(textOf(row, "permissions") ?? "").sort(),
    token: textOf(row, "token") ?? "",
  };
}
