/**
 * Makes a tree of Debian packages run from wherever it is put: links stay inside, and every program is started by the
 * tree's own loader with the tree's own libraries. So a tool of the feed works beside any host, and on a host without it.
 */
import {
  chmod,
  readdir,
  readFile,
  readlink,
  realpath,
  rename,
  rm,
  stat,
  symlink,
  writeFile,
} from "node:fs/promises";
import { dirname, join, relative } from "node:path";
import { byText, hasCode } from "@tsbake/base";
import { readElf } from "./elf.js";

/** Makes absolute symlinks below `root` relative to it. Sorted walk; other file types stay as they are. */
export async function relativeLinks(root: string): Promise<void> {
  for (const path of await walk(root, (entry) => entry.isSymbolicLink())) {
    const full = join(root, path);
    const target = await readlink(full);
    if (!target.startsWith("/")) continue;
    // Seen from where the link really is: its folder may be reached through another link (/lib → usr/lib).
    const from = await realpath(dirname(full));
    await rm(full);
    await symlink(relative(from, join(await realpath(root), target)) || ".", full);
  }
}

/** Wraps every program of the tree. @returns how many */
export async function wrapPrograms(root: string): Promise<number> {
  const programs: { path: string; interpreter: string }[] = [];
  const folders = new Set<string>();
  for (const path of await walk(root, (entry) => entry.isFile())) {
    const full = join(root, path);
    const { mode, size } = await stat(full);
    const isLibrary = /\.so(\.|$)/.test(path);
    if (size < 52 || ((mode & 0o111) === 0 && !isLibrary)) continue;
    const elf = await readElf(full);
    if (!elf) continue;
    for (const one of elf.runpath) if (one.startsWith("/")) folders.add(one.slice(1));
    if (isLibrary || elf.interpreter === undefined) continue;
    programs.push({ path, interpreter: elf.interpreter });
  }
  const libraries = await libraryFolders(root, folders);
  for (const { path, interpreter } of programs) await wrap(root, path, interpreter, libraries);
  return programs.length;
}

/** `/etc/ld.so.conf.d` of the tree, the default folders, and what programs name themselves; those that are there. */
async function libraryFolders(root: string, more: ReadonlySet<string>): Promise<string[]> {
  const found = new Set<string>();
  const configuration = join(root, "etc/ld.so.conf.d");
  for (const name of (await readdir(configuration).catch(() => [])).sort(byText)) {
    for (const line of (await readFile(join(configuration, name), "utf8")).split("\n")) {
      if (line.startsWith("/"))
        found.add(
          line
            .trim()
            .slice(1)
            .replace(/^lib\//, "usr/lib/"),
        );
    }
  }
  for (const triplet of (await readdir(join(root, "usr/lib")).catch(() => [])).sort(byText)) {
    if (/^[a-z0-9_]+-linux-[a-z0-9]+$/.test(triplet)) found.add(`usr/lib/${triplet}`);
  }
  found.add("usr/lib");
  for (const one of [...more].sort(byText)) found.add(one);
  const there: string[] = [];
  for (const one of found)
    if ((await stat(join(root, one)).catch(() => undefined))?.isDirectory()) there.push(one);
  return there;
}

async function wrap(
  root: string,
  path: string,
  interpreter: string,
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
export function wrapper({ up, name, interpreter, libraries }: Wrapper): string {
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
    const entries = await readdir(join(root, folder), { withFileTypes: true }).catch((error: unknown) => {
      if (hasCode(error, "ENOENT")) return [];
      throw error;
    });
    for (const entry of entries.sort((left, right) => byText(left.name, right.name))) {
      const path = folder === "" ? entry.name : `${folder}/${entry.name}`;
      if (accept(entry)) found.push(path);
      if (entry.isDirectory()) await visit(path);
    }
  };
  await visit("");
  return found;
}
