/** The words of a command line as values by name, and values that have units. */
import { join, resolve } from "node:path";
import { parseArgs } from "node:util";
import { BuildError, messageOf } from "@tsbake/base";
import { badArgument } from "../problems.js";
import { OPTIONS, STATE, type Option } from "./table.js";

/** @throws BuildError `server/bad-argument` */
export function refuseWords(what: string): never {
  throw new BuildError([badArgument(what)]);
}

/** Values by name. @throws BuildError `server/bad-argument` */
export function readWords(
  argv: readonly string[],
  options: readonly Option[] = OPTIONS,
): { readonly values: ReadonlyMap<string, readonly string[]>; readonly positionals: readonly string[] } {
  const config = Object.fromEntries(
    options.map(({ name, value }) => [
      name,
      value === undefined ? { type: "boolean" as const } : { type: "string" as const, multiple: true },
    ]),
  );
  try {
    const read = parseArgs({ args: [...argv], options: config, allowPositionals: true, strict: true });
    const values = new Map<string, readonly string[]>();
    for (const [name, value] of Object.entries(read.values))
      values.set(name, Array.isArray(value) ? value.map(String) : []);
    return { values, positionals: read.positionals };
  } catch (error) {
    return refuseWords(messageOf(error));
  }
}

/** The folder of the server's own files. @throws BuildError `server/bad-argument` */
export function stateFolder(values: ReadonlyMap<string, readonly string[]>): string {
  const [state, folder] = [values.get("state")?.at(-1) ?? "", values.get("dir")?.at(-1) ?? ""];
  if (state !== "") return resolve(state);
  if (folder !== "") return resolve(join(folder, STATE));
  return refuseWords(
    "--dir is needed, the folder of the objects; with --storage: --state, the folder of the server's own files",
  );
}

/** Bytes by the letter behind a number. */
export const SIZES: Readonly<Record<string, number>> = { K: 2 ** 10, M: 2 ** 20, G: 2 ** 30, T: 2 ** 40 };
/** Milliseconds by the letter behind a number. */
export const AGES: Readonly<Record<string, number>> = {
  m: 60_000,
  h: 3_600_000,
  d: 86_400_000,
  w: 604_800_000,
};

/** A number with one of the units, in what these count. @throws BuildError `server/bad-argument` */
export function quantity(
  text: string | undefined,
  name: string,
  units: Readonly<Record<string, number>>,
): number | undefined {
  if (text === undefined) return undefined;
  const [, digits = "", unit = ""] = /^(\d{1,9})([A-Za-z])$/.exec(text) ?? [];
  const factor = Object.hasOwn(units, unit) ? units[unit] : undefined;
  if (factor === undefined || Number(digits) === 0)
    return refuseWords(`--${name} is \`${text}\`, not a number and one of ${Object.keys(units).join(", ")}`);
  return Number(digits) * factor;
}
