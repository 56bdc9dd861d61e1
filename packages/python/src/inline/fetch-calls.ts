/**
 * What our own classes ask of `bb.fetch2` for each recipe: without it, the interpreter would start for every build with a plain
 * source. lib/bb/fetch2/program.py is the other half; the names of its settings stand in both, and a test compares the answers.
 */
import { existsSync } from "node:fs";
import { Datastore } from "@tsbake/datastore";
import { byCodePoint, CannotTell, fromStore, splitWords } from "./inline-values.js";

const SETTINGS = [
  "BB_ALLOWED_NETWORKS",
  "BB_CHECK_SSL_CERTS",
  "BB_FETCH_PREMIRRORONLY",
  "BB_GENERATE_MIRROR_TARBALLS",
  "BB_GENERATE_SHALLOW_TARBALLS",
  "BB_GIT_DEFAULT_DESTSUFFIX",
  "BB_GIT_NOSHARED",
  "BB_GIT_SHALLOW",
  "BB_GIT_SHALLOW_DEPTH",
  "BB_GIT_SHALLOW_EXTRA_REFS",
  "BB_GIT_SHALLOW_REVS",
  "BB_NO_NETWORK",
  "BB_STRICT_CHECKSUM",
  "FETCHCMD_git",
  "FETCHCMD_wget",
  "GITDIR",
  "TSBAKE_HTTP_MAX_SIZE",
  "TSBAKE_HTTP_MAX_TIME",
  "TSBAKE_HTTP_MIN_RATE",
];
/** Each has names of its own behind it. */
const BY_NAME = /^BB_GIT_SHALLOW_(?:DEPTH|REVS)_/;
/** Of a here-document in a class. */
const NEXT_LINE = "\n        ";

/** A text, or null for None. @throws CannotTell of anything else */
function textOf(d: Datastore, name: string): string | null {
  const value = fromStore(d.getVar(name));
  if (value === null || typeof value === "string") return value;
  throw new CannotTell();
}

/** bb.fetch2.revision_words(d) of sources that are no repositories. @throws CannotTell of others: they have commits */
export function revisionWords(d: Datastore): string {
  const urls = splitWords(textOf(d, "SRC_URI") ?? "");
  if (urls.some((url) => url.startsWith("git"))) throw new CannotTell();
  return "";
}

/** `file://` with a path of plain letters; parameters that move nothing. */
const LOCAL =
  /^file:\/\/(\/?[\w+-][\w.+-]*(?:\/[\w+-][\w.+-]*)*\/?)(?:;(?!localpath=|proto=)[a-z0-9]+=[\w.+/-]*)*$/;
/** The interpreter's own folders are not the machine's. */
const FOLDER = /^\/(?!dev\/|lib\/|dev$|lib$)/;

/** bb.fetch.get_checksum_file_list(d) of plain entries that are there. @throws CannotTell of others */
export function checksumFileList(d: Datastore): string {
  const places = (textOf(d, "FILESPATH") ?? "").split(":");
  const shown: string[] = [];
  for (const url of splitWords(textOf(d, "SRC_URI") ?? "")) {
    if (!url.startsWith("file:")) continue;
    const path = LOCAL.exec(url)?.[1];
    if (path === undefined || (!path.startsWith("/") && !places.every((place) => FOLDER.test(place))))
      throw new CannotTell();
    const candidates = path.startsWith("/")
      ? [path]
      : places.map((place) => (place.endsWith("/") ? place + path : `${place}/${path}`));
    const at = candidates.findIndex((candidate) => existsSync(candidate));
    if (at === -1 || !candidates.every((candidate) => FOLDER.test(candidate))) throw new CannotTell();
    for (const place of candidates.slice(0, at)) shown.push(`${place}:False`);
    shown.push(`${candidates[at]}:True`);
  }
  return shown.join(" ");
}

/** bb.fetch2.program.sum_words(d) @throws CannotTell */
export function sumWords(d: Datastore): string {
  const flags = [...(d.getVarFlags("SRC_URI") ?? [])].filter(([flag]) => flag.endsWith("sum"));
  return flags
    .toSorted(([left], [right]) => byCodePoint(left, right))
    .map(([flag, value]) => {
      if (typeof value !== "string") throw new CannotTell();
      return `${flag}=${value}`;
    })
    .join(" ");
}

/** bb.fetch2.program.setting_options(d) @throws CannotTell */
export function settingOptions(d: Datastore): string {
  const found: string[] = [];
  for (const name of SETTINGS) {
    const flag = name === "BB_ALLOWED_NETWORKS" ? textOf(d, "PN") : null;
    const own = flag === null ? null : fromStore(d.getVarFlag(name, flag, { expand: false }));
    if (own !== null && typeof own !== "string") throw new CannotTell();
    const value = own === null || own === "" ? textOf(d, name) : own;
    if (value !== null) found.push(`${name}=${value}`);
  }
  for (const name of d.keys()) if (BY_NAME.test(name)) found.push(`${name}=${textOf(d, name) ?? ""}`);
  return found.map((setting) => `--set=${setting.replaceAll("\n", " ")}`).join(NEXT_LINE);
}

/** bb.fetch2.program.environment_options(d, atStart) @throws CannotTell */
export function environmentOptions(d: Datastore, atStart: boolean): string {
  const caller = d.getVar("BB_ORIGENV", { expand: false });
  if (caller !== undefined && !(caller instanceof Datastore)) throw new CannotTell();
  const found = new Map<string, string>();
  for (const name of splitWords(textOf(d, "FETCH_EXPORT_VARS") ?? "")) {
    const value = textOf(d, name);
    const known = value === null || value === "" ? caller && textOf(caller, name) : value;
    if (known !== undefined && known !== null && known !== "") found.set(name, known);
  }
  const home = caller && textOf(caller, "HOME");
  if (home && !found.has("NETRC")) found.set("NETRC", `${home}/.netrc`);
  const pairs = [...found]
    .filter(([name]) => /^(?:NODE_|SSL_)/.test(name) === atStart)
    .toSorted(([left], [right]) => byCodePoint(left, right))
    .map(([name, value]) => `${name}=${value.replaceAll("\n", " ")}`);
  return atStart ? pairs.map(quoted).join(" ") : pairs.map((pair) => `--env=${pair}`).join(NEXT_LINE);
}

/** shlex.quote() */
function quoted(word: string): string {
  return /^[\w@%+=:,./-]+$/.test(word) ? word : `'${word.replaceAll("'", `'"'"'`)}'`;
}
