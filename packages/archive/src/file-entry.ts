/** One path of a tree, as data. */
import { byText } from "@tsbake/base";

export type EntryKind = "file" | "directory" | "symlink" | "character" | "block" | "fifo";

/** One path of a tree. */
export interface FileEntry {
  /** Absolute within the tree, no trailing slash, no `.` or `..`; never the root itself. */
  readonly path: string;
  readonly kind: EntryKind;
  /** Permission bits with setuid, setgid and sticky: 0 … 0o7777. */
  readonly mode: number;
  readonly uid: number;
  readonly gid: number;
  /** Bytes of content; 0 for everything but files. */
  readonly sizeBytes: number;
  /** Of a file's content: 64 hex digits. */
  readonly sha256?: string;
  /** Of a symlink, as stored. */
  readonly target?: string;
  /** The path that carries the content when this is a further hard link to it. */
  readonly hardlink?: string;
  /** Device numbers of a character or block device, `major:minor`. */
  readonly device?: string;
  /** Extended attributes as `name=base64`, sorted. */
  readonly xattrs?: readonly string[];
  /** The package that brought it; absent for what a script or the build made. */
  readonly package?: string;
}

/** Whether `path` is absolute and free of empty, `.` and `..` parts; the root alone is not. */
export function isTreePath(path: string): boolean {
  return /^(\/[^/]+)+$/.test(path) && !/\/\.\.?(\/|$)/.test(path);
}

/** The folders above `path`, outermost first, without the root. */
export function foldersAbove(path: string): string[] {
  const folders: string[] = [];
  for (let at = path.indexOf("/", 1); at !== -1; at = path.indexOf("/", at + 1))
    folders.push(path.slice(0, at));
  return folders;
}

/** In the order of our archives: by path, and every hard link after the content of its group, which readers of a tar need. */
export function inTarOrder<T>(items: readonly T[], entryOf: (item: T) => FileEntry): T[] {
  const sorted = items.toSorted((left, right) => byText(entryOf(left).path, entryOf(right).path));
  const isLink = (item: T): boolean => entryOf(item).hardlink !== undefined;
  return [...sorted.filter((item) => !isLink(item)), ...sorted.filter(isLink)];
}
