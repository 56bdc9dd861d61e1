/** What `tsbake shell` and its commands take. */
import { isAbsolute, resolve } from "node:path";
import type { Diagnostic } from "@tsbake/base";
import type { FoundCommand } from "./commands.js";
import { conflictingOptions, unexpectedWord, wrongQuery, wrongValue } from "../problems.js";

/** Values of the options that were given, by long name. */
type Given = ReadonlyMap<string, readonly string[]>;

export interface BindWords {
  readonly from: string;
  readonly to: string;
  readonly isReadOnly: boolean;
}

/** What `tsbake shell` and its commands take beside the general options. */
export interface ShellWords {
  /** Recipe of the base; "" for a command on one that is there. */
  readonly on: string;
  /** Of the overlay; default: that of the base. */
  readonly name: string;
  readonly binds: readonly BindWords[];
  readonly isOffline: boolean;
  readonly boots: boolean;
  readonly updatesDatabase: boolean;
  /** Program and arguments; undefined: a shell. */
  readonly command?: readonly string[];
  /** Of `commit`: the recipe to write. */
  readonly as?: string;
  /** Of `commit`: a layer's folder. */
  readonly layer?: string;
}

export const SHELL = "shell";
const USAGE = {
  shell: "`tsbake shell --on IMAGE [--name NAME] [-- COMMAND…]`",
  "shell-rm": "`tsbake shell rm NAME`",
  "shell-reset": "`tsbake shell reset NAME`",
  "shell-diff": "`tsbake shell diff NAME`",
  "shell-commit": "`tsbake shell commit NAME --as RECIPE [--layer DIR]`",
};

/** What is wrong with the words and options, or undefined. */
export function checkShellWords(
  { action, name, operands }: FoundCommand,
  given: Given,
): Diagnostic | undefined {
  const [first, second] = operands;
  if (action === "shell") {
    if (first !== undefined) return unexpectedWord(name, first);
    if (!given.has("on")) return wrongQuery(name, USAGE.shell);
    const bind = given.get("bind")?.find((text) => bindOf(text) === undefined);
    if (bind !== undefined)
      return wrongValue("--bind", bind, "`PATH`, `PATH:PLACE` or `PATH:PLACE:ro`, both absolute");
    // Standard output is the command's.
    return given.get("ui")?.at(-1) === "json" ? conflictingOptions("`shell`", "--ui json") : undefined;
  }
  if (action === "shell-list") return first === undefined ? undefined : unexpectedWord(name, first);
  if (second !== undefined) return unexpectedWord(name, second);
  const isWhole = first !== undefined && (action !== "shell-commit" || given.has("as"));
  return isWhole ? undefined : wrongQuery(name, USAGE[action as keyof typeof USAGE]);
}

function bindOf(text: string): BindWords | undefined {
  const [from = "", to = from, mode, ...rest] = text.split(":");
  if (!isAbsolute(from) || !isAbsolute(to) || resolve(to) === "/" || rest.length > 0) return undefined;
  if (mode !== undefined && mode !== "ro" && mode !== "rw") return undefined;
  return { from: resolve(from), to: resolve(to), isReadOnly: mode === "ro" };
}

/** @param behind what stands behind `--`; undefined: no such word */
export function shellRequest(
  given: Given,
  [first]: readonly string[],
  behind: readonly string[] | undefined,
): ShellWords {
  const on = given.get("on")?.at(-1) ?? "";
  const [as, layer] = [given.get("as")?.at(-1), given.get("layer")?.at(-1)];
  return {
    on,
    // Of `mc:NAME:IMAGE` the image.
    name: first ?? given.get("name")?.at(-1) ?? on.slice(on.lastIndexOf(":") + 1),
    binds: (given.get("bind") ?? []).flatMap((text) => bindOf(text) ?? []),
    isOffline: given.has("offline"),
    boots: given.has("boot"),
    updatesDatabase: !given.has("no-database-update"),
    ...(behind !== undefined && behind.length > 0 && { command: behind }),
    ...(as !== undefined && { as }),
    ...(layer !== undefined && { layer }),
  };
}
