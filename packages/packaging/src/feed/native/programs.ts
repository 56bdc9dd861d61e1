/**
 * Makes a tree of Debian packages run from wherever it is put: every program is started by the tree's own loader with the tree's own
 * libraries. So a tool of the feed works beside any host, and on a host without it.
 */
import { chmod, lstat, readdir, rename, stat, writeFile } from "node:fs/promises";
import { basename, dirname, join, relative } from "node:path";
import { byText, ifReachable, ifThere } from "@tsbake/base";
import { readElf } from "@tsbake/elf";
import { walk } from "../../layout/walk.js";

interface Program {
  /** Relative to the tree. */
  readonly path: string;
  /** Its loader: absolute, in the tree. */
  readonly interpreter: string;
  /** File names of the libraries that it needs. */
  readonly needed: readonly string[];
}

interface Library {
  readonly folder: string;
  /** File names of the libraries that it needs itself. */
  readonly needed: readonly string[];
}

/** By file name. */
type Libraries = ReadonlyMap<string, Library>;

/** Header of the smallest ELF file, in bytes: nothing shorter is read. */
const SHORTEST_ELF = 52;

/** Wraps every program of the tree. @returns how many */
export async function wrapPrograms(root: string): Promise<number> {
  const defaults = await defaultFolders(root);
  const { programs, libraries } = await elfFilesOf(root, defaults);
  for (const program of programs)
    await wrap(root, program, [...defaults, ...extraFolders(program, libraries, defaults)]);
  return programs.length;
}

/** @param defaults folders in which the loader looks first */
async function elfFilesOf(
  root: string,
  defaults: readonly string[],
): Promise<{ programs: readonly Program[]; libraries: Libraries }> {
  const programs: Program[] = [];
  const libraries = new Map<string, Library>();
  // Of two libraries with one name the loader takes that of a default folder, else the one nearer to the root.
  const rank = (folder: string): number => (defaults.includes(folder) ? 0 : folder.split("/").length);
  for (const path of await walk(root, (entry) => entry.isFile() || entry.isSymbolicLink())) {
    const full = join(root, path);
    const info = await ifReachable(stat(full));
    const isLibrary = /\.so(\.|$)/.test(path);
    if (!info?.isFile() || info.size < SHORTEST_ELF || ((info.mode & 0o111) === 0 && !isLibrary)) continue;
    const isLink = (await lstat(full)).isSymbolicLink();
    if (isLink && !isLibrary) continue;
    const elf = await readElf(full);
    if (!elf) continue;
    const { needed, interpreter } = elf;
    if (isLibrary) {
      const name = basename(path);
      const known = libraries.get(name);
      if (!known || rank(dirname(path)) < rank(known.folder))
        libraries.set(name, { folder: dirname(path), needed });
    } else if (interpreter !== undefined) programs.push({ path, interpreter, needed });
  }
  return { programs, libraries };
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

/** Puts the wrapper in the place of the program, and the program beside it. @param libraries folders, relative to the tree */
async function wrap(
  root: string,
  { path, interpreter }: Program,
  libraries: readonly string[],
): Promise<void> {
  const full = join(root, path);
  const name = basename(path);
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
