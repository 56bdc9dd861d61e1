/** What an extension has to know of its base beside paths and packages: who is there, and where libraries are looked for. */
import { byText, sortedUnique } from "@tsbake/base";
import { list, size } from "@tsbake/base/data";
import * as v from "valibot";
import { parseAccounts } from "../../layer/merged/accounts.js";
import { parseSysusers, SysusersLine } from "./sysusers.js";
import type { ContentTree } from "./tree.js";

export const BaseFacts = v.object({
  format: v.literal(1),
  /** Of /etc/passwd, by name. */
  users: list(v.object({ name: v.string(), id: size })),
  /** Of /etc/group, by name. */
  groups: list(v.object({ name: v.string(), id: size })),
  /** What the base's sysusers.d files make at boot, whether it is there yet or not. */
  sysusers: list(SysusersLine),
  /** Folders of /etc/ld.so.conf: libraries there are found when the base's ld.so.cache was made over them. */
  libraryFolders: list(v.string()),
  /** By version of the kernel, what it and its modules export; versions of which that is not known are left out. */
  kernels: v.exactOptional(list(v.object({ version: v.string(), symbols: list(v.string()) }))),
});
export type BaseFacts = Readonly<v.InferOutput<typeof BaseFacts>>;

/** Reads them off a tree, as systemd and the loader would on the device. */
export function baseFacts(tree: ContentTree): BaseFacts {
  const { users, groups } = parseAccounts(tree.text("/etc/passwd"), tree.text("/etc/group"));
  return {
    format: 1,
    users: users.map(({ name, uid }) => ({ name, id: uid })),
    groups: groups.map(({ name, gid }) => ({ name, id: gid })),
    sysusers: sysusersOf(tree, ["/etc/sysusers.d", "/usr/local/lib/sysusers.d", "/usr/lib/sysusers.d"]),
    libraryFolders: libraryFolders(tree),
  };
}

/**
 * All lines of the sysusers.d files of a tree: of two files with one name the first counts.
 *
 * @param folders in the order in which they count
 */
export function sysusersOf(tree: ContentTree, folders: readonly string[]): SysusersLine[] {
  const files = new Map<string, string>();
  for (const folder of folders)
    for (const { path } of tree.below(folder)) {
      const name = path.slice(folder.length + 1);
      if (/^[^/]+\.conf$/.test(name) && !files.has(name)) files.set(name, path);
    }
  return [...files.values()].sort(byText).flatMap((path) => parseSysusers(tree.text(path), path));
}

/** An include that goes round, or a bomb of them, ends here. */
const MOST_FILES = 200;

/** @see ldconfig(8), /etc/ld.so.conf */
function libraryFolders(tree: ContentTree): string[] {
  const folders: string[] = [];
  const waiting = ["/etc/ld.so.conf"];
  const seen = new Set<string>();
  for (let path = waiting.shift(); path !== undefined && seen.size < MOST_FILES; path = waiting.shift()) {
    if (seen.has(path)) continue;
    seen.add(path);
    for (const raw of tree.text(path).split("\n")) {
      const line = raw.replace(/#.*/, "").trim();
      const [, pattern] = /^include\s+(\S+)/.exec(line) ?? [];
      if (pattern !== undefined) waiting.push(...matching(tree, pattern));
      else if (line.startsWith("/")) folders.push(line.replace(/=.*/, "").replace(/(.)\/+$/, "$1"));
    }
  }
  return sortedUnique(folders);
}

/** Paths of a folder that fit; as everywhere, the pattern is in the last part. */
function matching(tree: ContentTree, pattern: string): string[] {
  const whole = pattern.startsWith("/") ? pattern : `/etc/${pattern}`;
  const [folder, last] = [whole.slice(0, whole.lastIndexOf("/")), whole.slice(whole.lastIndexOf("/") + 1)];
  return tree
    .below(folder)
    .filter(({ path }) => fits(path.slice(folder.length + 1), last))
    .map(({ path }) => path)
    .sort(byText);
}

/** `*` and `?` of glob(7), in a time that no pattern makes long: after a `*` that fails only the last one is tried again. */
function fits(name: string, pattern: string): boolean {
  if (name.includes("/")) return false;
  let [at, place] = [0, 0];
  let star: { readonly at: number; readonly place: number } | undefined;
  while (at < name.length) {
    if (pattern[place] === "*") {
      star = { at, place };
      place += 1;
    } else if (place < pattern.length && (pattern[place] === "?" || pattern[place] === name[at])) {
      at += 1;
      place += 1;
    } else if (star === undefined) return false;
    else {
      star = { at: star.at + 1, place: star.place };
      at = star.at;
      place = star.place + 1;
    }
  }
  return /^\**$/.test(pattern.slice(place));
}
