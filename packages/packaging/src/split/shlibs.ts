/** Which package a shared library comes from: deb-shlibs(5) lines, from the feed's packages and from our own. */
import { readdir, readFile } from "node:fs/promises";
import { join } from "node:path";
import { byText, hasCode } from "@tsbake/base";

/** Below a sysroot: one file a package. */
export const SHLIBS_FOLDER = "usr/share/tsbake/shlibs";

/** `LIBRARY VERSION` → the dependency to write, e.g. `libc 6` → `libc6 (>= 2.36)`. */
export type Shlibs = ReadonlyMap<string, string>;

/** Lines `[TYPE:] LIBRARY VERSION DEPENDENCY…`; lines of another type (udeb) and comments are left out. Never throws. */
export function parseShlibs(text: string): Map<string, string> {
  const shlibs = new Map<string, string>();
  for (const line of text.split("\n")) {
    const match = /^\s*(?:([a-z-]+):\s+)?(\S+)\s+(\S+)\s+(\S.*)$/.exec(line);
    if (!match || line.trimStart().startsWith("#")) continue;
    const [, type, library = "", version = "", dependency = ""] = match;
    if (type === undefined || type === "deb") shlibs.set(`${library} ${version}`, dependency.trim());
  }
  return shlibs;
}

/** Everything that a sysroot has; of two files, the later name wins. No folder is no error. */
export async function readShlibs(sysroot: string): Promise<Map<string, string>> {
  const folder = join(sysroot, SHLIBS_FOLDER);
  const names = await readdir(folder).catch((error: unknown) => {
    if (hasCode(error, "ENOENT")) return [];
    throw error;
  });
  const all = new Map<string, string>();
  for (const name of names.sort(byText)) {
    for (const [key, value] of parseShlibs(await readFile(join(folder, name), "utf8"))) all.set(key, value);
  }
  return all;
}

/**
 * `libfoo.so.1.2` → `libfoo 1.2`, `libfoo-1.2.so` → `libfoo 1.2` (dpkg-shlibdeps(1)); undefined for a name of neither form,
 * which a plugin has.
 */
export function shlibKey(soname: string): string | undefined {
  const match = /^(.+)\.so\.(.+)$/.exec(soname) ?? /^(.+?)-([0-9][^/]*)\.so$/.exec(soname);
  return match ? `${match[1]} ${match[2]}` : undefined;
}
