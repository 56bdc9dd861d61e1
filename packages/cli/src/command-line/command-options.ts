/** What commands of words take: their operands, and options of their own. */
import type { Diagnostic } from "@tsbake/base";
import type { FoundCommand } from "./commands.js";
import { conflictingOptions, nothingToPrune, unexpectedWord, wrongQuery, wrongValue } from "../problems.js";
import { checkShellWords, SHELL } from "./shell-options.js";
import { parseAge, parseSize } from "../text/quantities.js";

/** Values of the options that were given, by long name. */
type Given = ReadonlyMap<string, readonly string[]>;

/** What `tsbake sstate prune` and `verify` take beside the general options. */
export interface MaintenanceRequest {
  readonly maxAgeMs?: number;
  readonly maxBytes?: number;
  /** Empty: artifacts are not judged by who needs them. */
  readonly unreachableFrom: readonly string[];
  readonly remove: boolean;
}

/** What `tsbake check` takes beside the general options. */
export interface CheckRequest {
  /** Recipe or path. */
  readonly extension: string;
  readonly others: readonly string[];
  /** Recipes or paths; empty: the base that the recipe is built on. */
  readonly bases: readonly string[];
  readonly asJson: boolean;
}

/** What `tsbake matrix` takes beside the general options. */
export interface MatrixRequest {
  /** Recipes, beside those that the extensions are for. */
  readonly bases: readonly string[];
  readonly asJson: boolean;
}

/** What `tsbake try` takes beside the general options. */
export interface TrialRequest {
  /** A recipe. */
  readonly extension: string;
  readonly others: readonly string[];
  /** Program and arguments; undefined: a shell. */
  readonly command?: readonly string[];
  /** Boots the base. */
  readonly boot: boolean;
}

/** What `tsbake why` and `publish` take beside the general options. */
export interface ImagesRequest {
  /** A recipe, or the path of a `.packages.json`. */
  readonly in?: string;
  /** The folder of `publish` and `imaging`, or the path of a bundle. */
  readonly to?: string;
  /** What `imaging` makes: as written. */
  readonly types?: readonly string[];
  /** `imaging` takes what is stored, whatever made it. */
  readonly otherLayers?: boolean;
  /** Versions that stay there. */
  readonly keep?: number;
}

/** What is wrong with the words and options of a command, or undefined. */
export function checkCommand(command: FoundCommand, given: Given): Diagnostic | undefined {
  const { action, name, operands, takesOperands } = command;
  const [first] = operands;
  if (action === "completion") {
    // `targets` and `tasks` are what the scripts themselves ask for.
    if (operands.length === 1 && /^(bash|zsh|fish|targets|tasks)$/.test(first!)) return undefined;
    return wrongValue("completion", operands.join(" "), "`bash`, `zsh` or `fish`");
  }
  if (action === "explain" || action === "init") {
    const [, second] = operands;
    return second === undefined ? undefined : unexpectedWord(name, second);
  }
  if (action === "check") {
    const [, second] = operands;
    if (first === undefined) return wrongQuery(name, "`tsbake check EXTENSION --against BASE…`");
    return second === undefined || given.has("against") ? undefined : unexpectedWord(name, second);
  }
  if (action === "try") {
    const [, second] = operands;
    if (first === undefined) return wrongQuery(name, "`tsbake try EXTENSION -- COMMAND…`");
    if (second !== undefined) return unexpectedWord(name, second);
    // Standard output is the command's.
    return given.get("ui")?.at(-1) === "json" ? conflictingOptions("`try`", "--ui json") : undefined;
  }
  if (action.startsWith(SHELL)) return checkShellWords(command, given);
  if (action === "trace") {
    const [, , third] = operands;
    if (first === undefined) return wrongQuery(name, "`tsbake trace RECIPE` or `tsbake trace RECIPE TASK`");
    return third === undefined ? undefined : unexpectedWord(name, third);
  }
  if (action === "why")
    return operands.length === 1 && given.has("in")
      ? undefined
      : wrongQuery(name, "`tsbake why PACKAGE --in IMAGE`");
  if (action === "imaging") return checkImaging(name, operands, given);
  if (action === "publish") return checkPublish(name, operands, given);
  if (action === "bundle-show" || action === "bundle-verify")
    return operands.length === 1 ? undefined : wrongQuery(name, `\`tsbake ${name} FILE\``);
  const isList = action === "sstate-prune" && given.has("keep-for");
  if (first !== undefined && !takesOperands && !isList) return unexpectedWord(name, first);
  return action === "sstate-prune" ? checkPrune(given) : undefined;
}

function checkImaging(name: string, operands: readonly string[], given: Given): Diagnostic | undefined {
  return operands.length === 1 && given.has("type")
    ? undefined
    : wrongQuery(name, "`tsbake imaging IMAGE --type TYPE`; several types are possible");
}

function checkPublish(name: string, operands: readonly string[], given: Given): Diagnostic | undefined {
  const keep = given.get("keep")?.at(-1);
  if (operands.length === 0 || !given.has("to"))
    return wrongQuery(name, "`tsbake publish IMAGE --to DIR`; several images are possible");
  if (keep === undefined || /^[1-9]\d{0,8}$/.test(keep)) return undefined;
  return wrongValue("--keep", keep, "how many versions stay, at least 1");
}

function checkPrune(given: Given): Diagnostic | undefined {
  const [age, size] = [given.get("older-than")?.at(-1), given.get("max-size")?.at(-1)];
  if (age !== undefined && parseAge(age) === undefined)
    return wrongValue("--older-than", age, "a number and m, h, d or w, such as `30d`");
  if (size !== undefined && parseSize(size) === undefined)
    return wrongValue("--max-size", size, "a number and K, M, G or T, such as `10G`");
  if (age === undefined && size === undefined && !given.has("keep-for")) return nothingToPrune();
  return undefined;
}

export function imagesRequest(given: Given): ImagesRequest {
  const image = given.get("in")?.at(-1);
  const to = given.get("to")?.at(-1);
  const keep = given.get("keep")?.at(-1);
  return {
    ...(image !== undefined && { in: image }),
    ...(to !== undefined && { to }),
    ...(keep !== undefined && { keep: Number(keep) }),
    ...(given.has("type") && { types: given.get("type") ?? [] }),
    ...(given.has("other-layers") && { otherLayers: true }),
  };
}

/** @param operands what stands behind the words: more targets for --keep-for */
export function maintenanceRequest(given: Given, operands: readonly string[]): MaintenanceRequest {
  const maxAgeMs = parseAge(given.get("older-than")?.at(-1) ?? "");
  const maxBytes = parseSize(given.get("max-size")?.at(-1) ?? "");
  const named = given.get("keep-for");
  return {
    ...(maxAgeMs !== undefined && { maxAgeMs }),
    ...(maxBytes !== undefined && { maxBytes }),
    unreachableFrom: named ? [...named, ...operands] : [],
    remove: given.has("remove"),
  };
}

/** @param operands the extension, and more bases for --against */
export function checkRequest(given: Given, [extension = "", ...bases]: readonly string[]): CheckRequest {
  return {
    extension,
    others: given.get("with") ?? [],
    bases: [...(given.get("against") ?? []), ...bases],
    asJson: given.has("json"),
  };
}

export function matrixRequest(given: Given): MatrixRequest {
  return { bases: given.get("against") ?? [], asJson: given.has("json") };
}

/** @param behind what stands behind `--`; undefined: no such word */
export function trialRequest(
  given: Given,
  [extension = ""]: readonly string[],
  behind: readonly string[] | undefined,
): TrialRequest {
  return {
    extension,
    others: given.get("with") ?? [],
    ...(behind !== undefined && behind.length > 0 && { command: behind }),
    boot: given.has("boot"),
  };
}
