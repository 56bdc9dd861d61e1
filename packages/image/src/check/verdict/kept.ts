/**
 * What was found out of a base, as a text that is read back a hundred times in one check: paths are rows, since names of fields
 * would be half of it, and every character is one byte. Only this program writes and reads it: whatever is wrong with a file, it is
 * made anew.
 */
import type { FileEntry } from "@tsbake/archive";
import type { ShippedLine } from "../../layer/tmpfiles.js";
import type { Inspected } from "../inspect/inspect.js";

/** What is found out of a base. */
export interface Kept {
  readonly entries: readonly FileEntry[];
  readonly tmpfiles: readonly ShippedLine[];
  readonly inspected?: Inspected;
  readonly osRelease: readonly (readonly [string, string])[];
  readonly extensions?: readonly string[];
}

const FIELDS = [
  "path",
  "kind",
  "mode",
  "uid",
  "gid",
  "sizeBytes",
  "sha256",
  "target",
  "package",
  "hardlink",
  "device",
  "xattrs",
] as const satisfies readonly (keyof FileEntry)[];
/** Of these every path has one. */
const ALWAYS = 6;

/** JSON in ASCII. */
export function packKept({ entries, ...rest }: Kept): string {
  const rows = entries.map((entry) => {
    const row = FIELDS.map((field) => entry[field] ?? 0);
    while (row.length > ALWAYS && row.at(-1) === 0) row.pop();
    return row;
  });
  return JSON.stringify({ ...rest, rows }).replace(
    /[\u0080-\uffff]/g,
    (one) => `\\u${one.charCodeAt(0).toString(16).padStart(4, "0")}`,
  );
}

/** @param text of {@link packKept} */
export function unpackKept(text: string): Kept {
  const { rows, ...rest } = JSON.parse(text) as Omit<Kept, "entries"> & { rows: readonly unknown[][] };
  const entries = rows.map((row) => {
    const entry: Record<string, unknown> = {};
    for (const [at, field] of FIELDS.entries())
      if (at < ALWAYS || (row[at] !== undefined && row[at] !== 0)) entry[field] = row[at];
    return entry as unknown as FileEntry;
  });
  return { ...rest, entries };
}
