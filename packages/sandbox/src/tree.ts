/** What is in a tree, as (fake) root sees it. */
import { BuildError, byText } from "@tsbake/base";
import { badName } from "./problems.js";
import type { Sandbox } from "./sandbox.js";

export interface RootEntry {
  /** Relative to the root, no leading `/`; the root itself is not listed. */
  readonly path: string;
  readonly kind: "file" | "directory" | "symlink" | "fifo" | "socket" | "character" | "block";
  /** Permission bits with setuid, setgid and sticky. */
  readonly mode: number;
  readonly uid: number;
  readonly gid: number;
  readonly sizeBytes: number;
  /** Whole seconds. */
  readonly mtimeSeconds: number;
  /** Target of a symlink, else "". */
  readonly target: string;
  /** `device:inode`, equal for hard links of each other. */
  readonly inode: string;
}

const KINDS: Readonly<Record<string, RootEntry["kind"]>> = {
  f: "file",
  d: "directory",
  l: "symlink",
  p: "fifo",
  s: "socket",
  c: "character",
  b: "block",
};
const FIELDS = ["%P", "%y", "%m", "%U", "%G", "%s", "%T@", "%l", "%D:%i"];

/**
 * Every entry below `root`, sorted by path, other file systems left out. The only right way to see owners in a fake root.
 * @throws BuildError `sandbox/bad-name` for a name that is not UTF-8, `base/command-failed`
 */
export async function listRoot(sandbox: Sandbox, root: string): Promise<RootEntry[]> {
  const format = FIELDS.map((field) => `${field}\\0`).join("");
  const found = await sandbox.run("find", [root, "-xdev", "-mindepth", "1", "-printf", format]);
  const fields = found.stdout.split("\0");
  const entries: RootEntry[] = [];
  for (let at = 0; at + FIELDS.length < fields.length; at += FIELDS.length) {
    const [path = "", kind = "", mode = "", uid, gid, size, mtime = "", target = "", inode = ""] =
      fields.slice(at, at + FIELDS.length);
    if (path.includes("\ufffd")) throw new BuildError([badName(path)]);
    entries.push({
      path,
      kind: KINDS[kind] ?? "file",
      mode: Number.parseInt(mode, 8),
      uid: Number(uid),
      gid: Number(gid),
      sizeBytes: Number(size),
      mtimeSeconds: Math.floor(Number(mtime)),
      target,
      inode,
    });
  }
  return entries.sort((left, right) => byText(left.path, right.path));
}
