/** Edits of a file that keep what a careless look at it would go by: its size, its time, its inode. */
import {
  linkSync,
  lstatSync,
  renameSync,
  rmSync,
  statSync,
  symlinkSync,
  utimesSync,
  writeFileSync,
} from "node:fs";

/** `link` puts a link to another file in the place, `target` changes what a link leads to. */
export const QUIET_EDITS = ["in place", "by rename", "link", "target", "hard link"] as const;
export type QuietEdit = (typeof QUIET_EDITS)[number];

/** @param text of the size that the file has, for an edit that keeps it */
export function editQuietly(path: string, how: QuietEdit, text: string, keepsTime: boolean): void {
  const { atime, mtime } = statSync(path);
  const other = `${path}.other`;
  const target = `${path}.${text.length % 2}.target`;
  const write = (to: string) => {
    writeFileSync(to, text);
    if (keepsTime) utimesSync(to, atime, mtime);
  };
  if (how === "in place" || (how === "target" && lstatSync(path).isSymbolicLink())) return write(path);
  if (how === "link" || how === "target") {
    rmSync(target, { force: true });
    write(target);
    rmSync(path);
    return symlinkSync(target, path);
  }
  write(other);
  if (how === "by rename") return renameSync(other, path);
  rmSync(path);
  linkSync(other, path);
  rmSync(other);
}
