/** The os-release format: read strictly enough to trust a stamp, written so that systemd and a shell agree. */
import { BuildError } from "@tsbake/base";
import * as problems from "../problems.js";

/** Fields in the order of the file. */
export type OsRelease = ReadonlyMap<string, string>;

/**
 * Reads an os-release or extension-release file.
 *
 * @param name what to call the text in an error, usually its path
 * @throws BuildError `image/bad-os-release` for a line that is no assignment
 * @see os-release(5)
 */
export function parseOsRelease(text: string, name: string): Map<string, string> {
  const fields = new Map<string, string>();
  for (const [index, raw] of text.split("\n").entries()) {
    const line = raw.trim();
    if (line === "" || line.startsWith("#")) continue;
    const match = /^([A-Za-z_][A-Za-z0-9_]*)=(.*)$/.exec(line);
    const value = match?.[2] === undefined ? undefined : unquote(match[2]);
    if (match?.[1] === undefined || value === undefined) {
      throw new BuildError([problems.badOsRelease(name, index + 1, line)]);
    }
    fields.set(match[1], value);
  }
  return fields;
}

/** One `NAME=value` line a field, in the map's order, quoted where a shell would need it. */
export function formatOsRelease(fields: OsRelease): string {
  return [...fields].map(([name, value]) => `${name}=${quote(value)}\n`).join("");
}

/** A value as the shell reads it: bare, 'single' or "double" quoted; undefined if a quote is not closed. */
function unquote(value: string): string | undefined {
  const first = value[0];
  if (first !== '"' && first !== "'") return value.replace(/\\(.)/g, "$1");
  if (value.length < 2 || !value.endsWith(first)) return undefined;
  const inner = value.slice(1, -1);
  return first === "'" ? inner : inner.replace(/\\(["\\$`])/g, "$1");
}

function quote(value: string): string {
  return /^[A-Za-z0-9._:/@+-]*$/.test(value) ? value : `"${value.replace(/["\\$`]/g, "\\$&")}"`;
}
