/** What packages bring, as tar lists it, and which paths several of them bring. */
import { readFile } from "node:fs/promises";
import { BuildError, nameOf } from "@tsbake/base";
import { badDeb } from "../problems.js";

/** One line of `tar -vv --numeric-owner`. */
export interface ListedEntry {
  /** As tar has it, e.g. `./usr/`. */
  readonly name: string;
  readonly isFolder: boolean;
  readonly mode: number;
  readonly owner: string;
}

/** Undefined for a line of another form. Names with ` -> ` or ` link to ` in links cannot be told apart; packages have none. */
export function parseListing(line: string): ListedEntry | undefined {
  const match = /^(.)([-rwxsStT]{9})\S* (\d+)\/(\d+) +\S+ \d{4}-\d\d-\d\d \d\d:\d\d (.*)$/.exec(line);
  if (!match) return undefined;
  const [, kind = "", bits = "", uid, gid, rest = ""] = match;
  const cut = kind === "l" ? rest.indexOf(" -> ") : kind === "h" ? rest.indexOf(" link to ") : -1;
  const name = cut < 0 ? rest : rest.slice(0, cut);
  return { name, isFolder: kind === "d", mode: modeOf(bits), owner: `${uid}:${gid}` };
}

/** `rwsr-x--T` → 0o5750 and so on. */
function modeOf(bits: string): number {
  let mode = 0;
  for (const [at, bit] of bits.split("").entries()) {
    const value = 1 << (8 - at);
    if ("rwxst".includes(bit)) mode |= value;
    if ("sS".includes(bit)) mode |= at === 2 ? 0o4000 : 0o2000;
    if ("tT".includes(bit)) mode |= 0o1000;
  }
  return mode;
}

/** Said of a folder that the archive lacks an entry for. */
const MADE_FOLDER = /^d\S{9} +Creating directory: /;

/** What tar said while it unpacked `deb`. @throws BuildError `packaging/bad-deb` for what it does not say */
export async function readListing(path: string, deb: string): Promise<ListedEntry[]> {
  const lines = nameOf(await readFile(path)).split("\n");
  return lines
    .filter((line) => line !== "" && !MADE_FOLDER.test(line))
    .map((line) => {
      const entry = parseListing(line);
      if (!entry) throw new BuildError([badDeb(deb, `tar lists \`${line}\``)]);
      return entry;
    });
}

/** What one package brings. */
export interface Brought {
  /** Its entries that are no folders, as in `.list`. */
  readonly files: readonly string[];
  readonly folders: readonly ListedEntry[];
}

/** Files by their paths, folders as they are in the archive, for their modes and owners. */
export function broughtBy(entries: readonly ListedEntry[]): Brought {
  return {
    files: entries.filter(({ isFolder }) => !isFolder).map(({ name }) => toPath(name)),
    folders: entries.filter(({ isFolder }) => isFolder),
  };
}

/** `./usr/bin/` → `/usr/bin`, `./` → `/.`, as dpkg writes lists. */
function toPath(name: string): string {
  return name
    .replace(/^(?:\.(?=\/|$))?\/*/, "/")
    .replace(/(.)\/$/, "$1")
    .replace(/^\/$/, "/.");
}

/** The folder as which several packages' paths are one: those at the root that are links into /usr. */
export function followed(path: string, merged: readonly string[]): string {
  const top = path.split("/")[1] ?? "";
  return merged.includes(top) ? `/usr${path}` : path;
}

export interface SharedPath<T> {
  /** Who brings it as something else than a folder, in their order; one that brings it twice is there twice. */
  readonly files: T[];
  /** Who has it as a folder, or something below it. */
  readonly folders: T[];
}

/** Paths that are no folder for one package, and that another one, or what is there already, has too. */
export function sharedPaths<T extends Brought>(
  packages: readonly T[],
  merged: readonly string[],
  taken: Iterable<string> = [],
): Map<string, SharedPath<T>> {
  const owners = new Map<string, T | undefined>();
  for (const path of taken) owners.set(followed(path, merged), undefined);
  const shared = new Map<string, SharedPath<T>>();
  const at = (path: string): SharedPath<T> => {
    const known = shared.get(path);
    if (known) return known;
    const owner = owners.get(path);
    const one = { files: owner ? [owner] : [], folders: [] };
    shared.set(path, one);
    return one;
  };
  for (const one of packages) {
    for (const path of one.files.map((file) => followed(file, merged))) {
      if (owners.has(path)) at(path).files.push(one);
      else owners.set(path, one);
    }
  }
  for (const one of packages) {
    for (const path of foldersBroughtBy(one, merged)) if (owners.get(path)) at(path).folders.push(one);
  }
  return shared;
}

/** Those that it lists, and those that tar makes for what lies below them. */
export function foldersBroughtBy({ files, folders }: Brought, merged: readonly string[]): Set<string> {
  const found = new Set<string>();
  const add = (path: string): void => {
    for (let at = path; at !== "" && !found.has(at); at = parentOf(at)) found.add(at);
  };
  for (const { name } of folders) add(followed(toPath(name), merged));
  for (const file of files) add(parentOf(followed(file, merged)));
  return found;
}

function parentOf(path: string): string {
  return path.slice(0, Math.max(0, path.lastIndexOf("/")));
}
