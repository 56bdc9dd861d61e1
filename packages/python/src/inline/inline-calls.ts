/** Functions and methods that inline expressions call most, as CPython and our own `bb` would answer. */
import type { Datastore } from "@tsbake/datastore";
import {
  checksumFileList,
  environmentOptions,
  revisionWords,
  settingOptions,
  sumWords,
} from "./fetch-calls.js";
import { unameFields } from "../interpreter/machine.js";
import {
  byCodePoint,
  CannotTell,
  fromStore,
  isTrue,
  splitWords,
  strip,
  type Inline,
} from "./inline-values.js";

type Argument = Inline | Datastore;
type Call = (args: readonly Argument[], d: Datastore) => Inline;

const FUNCTIONS: ReadonlyMap<string, Call> = new Map<string, Call>([
  ["d.getVar", (args, d) => fromStore(d.getVar(text(args[0]), { expand: expanding(args, 1) }))],
  [
    "d.getVarFlag",
    (args, d) => fromStore(d.getVarFlag(text(args[0]), text(args[1]), { expand: expanding(args, 2) })),
  ],
  ["bb.utils.contains", (args, d) => choose(args, d, (wanted, held) => wanted.every((one) => held.has(one)))],
  [
    "bb.utils.contains_any",
    (args, d) => choose(args, d, (wanted, held) => wanted.some((one) => held.has(one))),
  ],
  ["bb.utils.filter", filter],
  ["bb.utils.to_boolean", toBoolean],
  ["bb.parse.vars_from_file", varsFromFile],
  ["bb.data.has_flags", hasFlags],
  ["bb.data.inherits_class", inheritsClass],
  ["os.path.basename", (args) => basename(only(args))],
  ["os.path.dirname", (args) => dirname(only(args))],
  ["bb.fetch.get_checksum_file_list", (args, d) => ofStore(checksumFileList, args, d)],
  ["bb.fetch2.get_checksum_file_list", (args, d) => ofStore(checksumFileList, args, d)],
  ["bb.fetch2.revision_words", (args, d) => ofStore(revisionWords, args, d)],
  ["bb.fetch2.program.sum_words", (args, d) => ofStore(sumWords, args, d)],
  ["bb.fetch2.program.setting_options", (args, d) => ofStore(settingOptions, args, d)],
  [
    "bb.fetch2.program.environment_options",
    (args, d) =>
      args.length === 2 && args[0] === d && typeof args[1] === "boolean"
        ? environmentOptions(d, args[1])
        : refuse(),
  ],
  ["os.uname", (args) => (args.length === 0 ? unameFields() : refuse())],
]);

/** @param path as written, such as `bb.utils.contains` @throws CannotTell for what only Python knows */
export function callFunction(path: string, args: readonly Argument[], d: Datastore): Inline {
  return (FUNCTIONS.get(path) ?? refuse)(args, d);
}

function refuse(): never {
  throw new CannotTell();
}

function text(value: Argument | undefined): string {
  return typeof value === "string" ? value : refuse();
}

function only(args: readonly Argument[]): string {
  return args.length === 1 ? text(args[0]) : refuse();
}

/** A function of `d` alone. */
function ofStore(work: (d: Datastore) => Inline, args: readonly Argument[], d: Datastore): Inline {
  return args.length === 1 && args[0] === d ? work(d) : refuse();
}

function inline(value: Argument | undefined): Inline {
  if (value === undefined || isDatastore(value)) return refuse();
  return value;
}

function isDatastore(value: Argument): value is Datastore {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}

/** The optional argument `expand`; more arguments than that are not for us. */
function expanding(args: readonly Argument[], at: number): boolean {
  if (args.length > at + 1) return refuse();
  return args.length === at ? true : isTrue(inline(args[at]));
}

/** The words to look for: of a text, or the members of a list of texts. */
function wordsOf(value: Argument | undefined): string[] {
  if (typeof value === "string") return splitWords(value);
  return Array.isArray(value) ? value.map((one) => text(one as Inline)) : refuse();
}

function choose(
  args: readonly Argument[],
  d: Datastore,
  test: (wanted: readonly string[], held: ReadonlySet<string>) => boolean,
): Inline {
  if (args.length !== 5 || args[4] !== d) return refuse();
  const wanted = wordsOf(args[1]);
  const yes = inline(args[2]);
  const no = inline(args[3]);
  const held = fromStore(d.getVar(text(args[0])));
  if (!isTrue(held)) return no;
  return test(wanted, new Set(splitWords(text(held)))) ? yes : no;
}

function filter(args: readonly Argument[], d: Datastore): Inline {
  if (args.length !== 3 || args[2] !== d) return refuse();
  const wanted = new Set(wordsOf(args[1]));
  const held = fromStore(d.getVar(text(args[0])));
  if (!isTrue(held)) return "";
  const found = new Set(splitWords(text(held)).filter((one) => wanted.has(one)));
  return [...found].sort(byCodePoint).join(" ");
}

function toBoolean(args: readonly Argument[]): Inline {
  const value = inline(args[0]);
  if (args.length > 2 || (typeof value !== "string" && value !== null)) return refuse();
  if (value === null || value === "") return args.length === 2 ? inline(args[1]) : null;
  if (/^(?:y|yes|1|true)$/i.test(value)) return true;
  return /^(?:n|no|0|false)$/i.test(value) ? false : refuse();
}

/** [PN, PV, PR] of a recipe's path. */
function varsFromFile(args: readonly Argument[], d: Datastore): Inline {
  if (args.length !== 2 || args[1] !== d) return refuse();
  const path = inline(args[0]);
  if (path === null || path === "" || !/\.bb(?:append)?$/.test(text(path))) return [null, null, null];
  const name = basename(text(path)).replace(/\.bb(?:append)?$/, "");
  // os.path.splitext leaves a name of nothing but dots and an extension as it is.
  if (/^\.*$/.test(name)) return refuse();
  const parts = name.split("_");
  return parts.length > 3 ? refuse() : [parts[0]!, parts[1] ?? null, parts[2] ?? null];
}

function hasFlags(args: readonly Argument[], d: Datastore): Inline {
  if (args.length !== 2 || args[1] !== d) return refuse();
  return [...(d.getVarFlags(text(args[0])) ?? [])].length > 0;
}

function inheritsClass(args: readonly Argument[], d: Datastore): Inline {
  if (args.length !== 2 || args[1] !== d) return refuse();
  const wanted = `/${text(args[0])}.bbclass`;
  const paths = fromStore(d.getVar("__inherit_cache", { expand: false }));
  return Array.isArray(paths) ? paths.some((path) => text(path as Inline).endsWith(wanted)) : refuse();
}

function basename(path: string): string {
  return path.slice(path.lastIndexOf("/") + 1);
}

function dirname(path: string): string {
  const head = path.slice(0, path.lastIndexOf("/") + 1);
  return /^\/*$/.test(head) ? head : head.replace(/\/+$/, "");
}

/** Methods of texts. Case is changed for ASCII only: the tables of the two languages need not agree. */
export function callMethod(name: string, of: Inline, args: readonly Argument[]): Inline {
  if (typeof of !== "string") return refuse();
  switch (name) {
    case "split":
      return split(of, args);
    case "lstrip":
    case "rstrip":
    case "strip":
      return args.length === 0 ? strip(of, name) : refuse();
    case "lower":
      return args.length === 0 && isAscii(of) ? of.toLowerCase() : refuse();
    case "upper":
      return args.length === 0 && isAscii(of) ? of.toUpperCase() : refuse();
    case "startswith":
      return of.startsWith(only(args));
    case "endswith":
      return of.endsWith(only(args));
    case "removeprefix":
      return of.startsWith(only(args)) ? of.slice(only(args).length) : of;
    case "removesuffix":
      return of.endsWith(only(args)) ? of.slice(0, of.length - only(args).length) : of;
    case "replace":
      return replace(of, args);
    case "join":
      return args.length === 1 && Array.isArray(args[0]) ? wordsOf(args[0]).join(of) : refuse();
    default:
      return refuse();
  }
}

function split(of: string, args: readonly Argument[]): Inline {
  if (args.length === 0) return splitWords(of);
  const separator = only(args);
  return separator === "" ? refuse() : of.split(separator);
}

function replace(of: string, args: readonly Argument[]): Inline {
  const [from, to] = [text(args[0]), text(args[1])];
  return args.length === 2 && from !== "" ? of.split(from).join(to) : refuse();
}

function isAscii(value: string): boolean {
  // eslint-disable-next-line no-control-regex
  return /^[\x00-\x7f]*$/.test(value);
}
