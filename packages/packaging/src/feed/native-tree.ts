/**
 * Makes a tree of Debian packages run from wherever it is put: links stay inside, and every program is started by the
 * tree's own loader with the tree's own libraries. So a tool of the feed works beside any host, and on a host without it.
 */
import {
  chmod,
  lstat,
  readdir,
  readlink,
  realpath,
  rename,
  rm,
  stat,
  symlink,
  writeFile,
} from "node:fs/promises";
import { dirname, join, relative } from "node:path";
import { byText, hasCode, ifReachable, ifThere, readFolderSync } from "@tsbake/base";
import { readElf } from "@tsbake/elf";

/** Stands before the target of a link that is not to be followed yet; no folder has such a name. */
export const HELD_LINK = ".tsbake-held:";

/**
 * Gives links their targets back and makes absolute ones relative to `root`. Sorted walk; other file types stay as they are.
 */
export async function relativeLinks(root: string): Promise<void> {
  const absolute: { full: string; target: string }[] = [];
  for (const path of await walk(root, (entry) => entry.isSymbolicLink())) {
    const full = join(root, path);
    const written = await readlink(full);
    const target = written.startsWith(HELD_LINK) ? written.slice(HELD_LINK.length) : written;
    if (target.startsWith("/")) absolute.push({ full, target });
    else if (target !== written) {
      await rm(full);
      await symlink(target, full);
    }
  }
  for (const { full, target } of absolute) {
    // Seen from where the link really is: its folder may be reached through another link (/lib → usr/lib).
    const from = await realpath(dirname(full));
    await rm(full);
    await symlink(relative(from, join(await realpath(root), target)) || ".", full);
  }
}

interface Program {
  readonly path: string;
  readonly interpreter: string;
  readonly needed: readonly string[];
}

/** A library by its file name: the folder that has it, and what it needs itself. */
type Libraries = ReadonlyMap<string, { readonly folder: string; readonly needed: readonly string[] }>;

/** Wraps every program of the tree. @returns how many */
export async function wrapPrograms(root: string): Promise<number> {
  const programs: Program[] = [];
  const libraries = new Map<string, { folder: string; needed: readonly string[] }>();
  const defaults = await defaultFolders(root);
  // Of two libraries with one name the loader takes that of a default folder, else the one nearer to the root.
  const rank = (folder: string): number => (defaults.includes(folder) ? 0 : folder.split("/").length);
  for (const path of await walk(root, (entry) => entry.isFile() || entry.isSymbolicLink())) {
    const full = join(root, path);
    const info = await ifReachable(stat(full));
    const isLibrary = /\.so(\.|$)/.test(path);
    if (!info?.isFile() || info.size < 52 || ((info.mode & 0o111) === 0 && !isLibrary)) continue;
    const isLink = (await lstat(full)).isSymbolicLink();
    if (isLink && !isLibrary) continue;
    const elf = await readElf(full);
    if (!elf) continue;
    const { needed, interpreter } = elf;
    if (isLibrary) {
      const name = path.slice(path.lastIndexOf("/") + 1);
      const known = libraries.get(name);
      if (!known || rank(dirname(path)) < rank(known.folder))
        libraries.set(name, { folder: dirname(path), needed });
    } else if (interpreter !== undefined) programs.push({ path, interpreter, needed });
  }
  for (const program of programs)
    await wrap(root, program, [...defaults, ...extraFolders(program, libraries, defaults)]);
  return programs.length;
}

/** Where the loader of any Debian looks first; those that are there. */
async function defaultFolders(root: string): Promise<string[]> {
  const names = ((await ifThere(readdir(join(root, "usr/lib")))) ?? []).sort(byText);
  return [
    ...names.filter((name) => /^[a-z0-9_]+-linux-[a-z0-9]+$/.test(name)).map((name) => `usr/lib/${name}`),
    "usr/lib",
  ];
}

/**
 * Other folders that this one program's libraries lie in. Not those of the whole tree: the same program in two trees must
 * get the same wrapper, since both may go into one sysroot.
 */
function extraFolders(program: Program, libraries: Libraries, defaults: readonly string[]): string[] {
  const folders = new Set<string>();
  const wanted = new Set(program.needed);
  for (const name of wanted) {
    const library = libraries.get(name);
    if (!library) continue;
    folders.add(library.folder);
    for (const one of library.needed) wanted.add(one);
  }
  return [...folders].filter((one) => !defaults.includes(one)).sort(byText);
}

async function wrap(
  root: string,
  { path, interpreter }: Program,
  libraries: readonly string[],
): Promise<void> {
  const full = join(root, path);
  const name = full.slice(full.lastIndexOf("/") + 1);
  const hidden = join(dirname(full), `.${name}.elf`);
  await rename(full, hidden);
  // No special modes: a tool that is not root's own would not gain from them, and a sysroot must not carry them.
  await chmod(hidden, 0o755);
  const up = relative(dirname(path), ".") || ".";
  await writeFile(full, wrapper({ up, name, interpreter, libraries }), { mode: 0o755 });
  await chmod(full, 0o755);
}

interface Wrapper {
  /** From the program's folder to the root of the tree, e.g. `../..`. */
  readonly up: string;
  readonly name: string;
  readonly interpreter: string;
  readonly libraries: readonly string[];
}

/**
 * Shell that starts the program through the loader. It finds itself without a fork unless it was called by a link; the
 * program still sees the name that it was called by, and libraries for preloading that LD_LIBRARY_PATH leads to.
 */
function wrapper({ up, name, interpreter, libraries }: Wrapper): string {
  const folders = libraries.map((one) => `$r/${one}`).join(":");
  return `#!/bin/sh
case $0 in */*) s=$0 ;; *) s=$(command -v -- "$0") ;; esac
[ ! -L "$s" ] || s=$(readlink -f -- "$s")
d=\${s%/*}
r=$d/${up}
exec "$r${interpreter}" --argv0 "$0" --library-path "${folders}\${LD_LIBRARY_PATH:+:$LD_LIBRARY_PATH}" "$d/.${name}.elf" "$@"
`;
}

interface Entry {
  readonly name: string;
  isFile(): boolean;
  isDirectory(): boolean;
  isSymbolicLink(): boolean;
}

/** Paths relative to `root` of the entries that `accept` takes, sorted; links are not followed. */
export async function walk(root: string, accept: (entry: Entry) => boolean): Promise<string[]> {
  const found: string[] = [];
  const visit = async (folder: string): Promise<void> => {
    let entries: Entry[] = [];
    try {
      entries = readFolderSync(join(root, folder));
    } catch (error) {
      if (!hasCode(error, "ENOENT")) throw error;
    }
    for (const entry of entries.sort((left, right) => byText(left.name, right.name))) {
      const path = folder === "" ? entry.name : `${folder}/${entry.name}`;
      if (accept(entry)) found.push(path);
      if (entry.isDirectory()) await visit(path);
    }
  };
  await visit("");
  return found;
}
