/**
 * A member of a package as dpkg-deb writes it, decompressed: read strictly, with nothing left to interpretation. What is of any
 * other form is not judged here: dpkg has the last word on that.
 *
 * @see deb(5) (pre-POSIX, ustar and GNU tar with long names); POSIX.1-2017 pax, "ustar Interchange Format"
 */
import { readSync } from "node:fs";
import { type FileEntry, foldersAbove, isTreePath } from "@tsbake/archive";
import { nameOf } from "@tsbake/base";

const BLOCK = 512;
const WINDOW = 1 << 16;
/** Of a long name; the kernel has no longer path. */
const LONGEST_NAME = 4096;

export interface PlainEntry {
  /** A hard link has the owner, mode and size of what it leads to. */
  readonly entry: FileEntry;
  /** Seconds since 1970. */
  readonly mtimeSeconds: number;
  /** Where the content begins in the file that was read. */
  readonly contentAt: number;
}

export interface PlainTar {
  /** In the archive's order, without the root. */
  readonly entries: readonly PlainEntry[];
  readonly hasRoot: boolean;
}

/**
 * @param fd a file that holds the archive at `start`
 * @returns undefined for a form that dpkg-deb does not write, a path that leaves the tree, is there twice or lies below what is no
 *   folder, and for a hard link to anything but a file before it
 */
export function readPlainTar(fd: number, start: number, sizeBytes: number): PlainTar | undefined {
  const blocks = windowOn(fd, start, sizeBytes);
  const entries: PlainEntry[] = [];
  const byPath = new Map<string, FileEntry>();
  let hasRoot = false;
  let long: { name?: string; link?: string } = {};
  for (let at = 0; ;) {
    const header = blocks(at, BLOCK);
    if (header === undefined) return undefined;
    if (header.every((byte) => byte === 0)) break;
    const fields = fieldsOf(header);
    if (fields === undefined) return undefined;
    const { type, size } = fields;
    const contentAt = at + BLOCK;
    if (contentAt + size > sizeBytes) return undefined;
    at = contentAt + Math.ceil(size / BLOCK) * BLOCK;
    if (type === "L" || type === "K") {
      const text = size <= LONGEST_NAME ? blocks(contentAt, size) : undefined;
      const key = type === "L" ? "name" : "link";
      if (text === undefined || long[key] !== undefined) return undefined;
      long = { ...long, [key]: cString(text, 0, text.length) };
      continue;
    }
    const name = long.name ?? fields.name;
    const link = long.link ?? fields.link;
    long = {};
    if (/^\.?\/?$/.test(name)) {
      if (type !== "5" || hasRoot || entries.length > 0) return undefined;
      hasRoot = true;
      continue;
    }
    const path = treePath(name, type === "5");
    if (path === undefined || byPath.has(path)) return undefined;
    const entry = entryOf({ ...fields, path, link }, byPath);
    const isBelowFile = foldersAbove(path).some(
      (one) => (byPath.get(one)?.kind ?? "directory") !== "directory",
    );
    if (entry === undefined || isBelowFile) return undefined;
    byPath.set(path, entry);
    entries.push({ entry, mtimeSeconds: fields.mtimeSeconds, contentAt: start + contentAt });
  }
  return long.name === undefined && long.link === undefined ? { entries, hasRoot } : undefined;
}

/** @returns what reads bytes of the archive, good until its next call; undefined where it ends before */
function windowOn(fd: number, start: number, sizeBytes: number) {
  const buffer = Buffer.allocUnsafe(WINDOW);
  let [windowAt, windowSize] = [0, 0];
  return (at: number, length: number): Buffer | undefined => {
    if (at + length > sizeBytes) return undefined;
    if (at < windowAt || at + length > windowAt + windowSize) {
      windowAt = at;
      windowSize = readSync(fd, buffer, 0, Math.min(WINDOW, sizeBytes - at), start + at);
      if (windowSize < length) return undefined;
    }
    return buffer.subarray(at - windowAt, at - windowAt + length);
  };
}

interface Fields {
  readonly name: string;
  readonly link: string;
  readonly type: string;
  readonly mode: number;
  readonly uid: number;
  readonly gid: number;
  readonly size: number;
  readonly mtimeSeconds: number;
  readonly device: string;
}

function fieldsOf(header: Buffer): Fields | undefined {
  let sum = 0;
  for (let at = 0; at < BLOCK; at++) sum += at >= 148 && at < 156 ? 0x20 : header[at]!;
  const magic = header.toString("latin1", 257, 265);
  const isUstar = magic === "ustar\x0000";
  if (!isUstar && magic !== "ustar  \0" && !/^\0*$/.test(magic)) return undefined;
  const octal = (at: number, length: number): number => {
    const text = header
      .toString("latin1", at, at + length)
      .replace(/[\0 ]+$/, "")
      .trimStart();
    return /^[0-7]*$/.test(text) ? Number.parseInt(text || "0", 8) : Number.NaN;
  };
  const type = header[156] === 0 ? "0" : String.fromCharCode(header[156]!);
  const prefix = isUstar ? cString(header, 345, 155) : "";
  const name = cString(header, 0, 100);
  const fields = {
    name: prefix === "" ? name : `${prefix}/${name}`,
    link: cString(header, 157, 100),
    type,
    mode: octal(100, 8) & 0o7777,
    uid: octal(108, 8),
    gid: octal(116, 8),
    size: octal(124, 12),
    mtimeSeconds: octal(136, 12),
    device: `${octal(329, 8)}:${octal(337, 8)}`,
  };
  const numbers = [octal(100, 8), fields.uid, fields.gid, fields.size, fields.mtimeSeconds];
  const isWhole = numbers.every(Number.isSafeInteger) && octal(148, 8) === sum;
  // Only what is a file, or a long name, is followed by anything.
  return isWhole && (fields.size === 0 || "0LK".includes(type)) ? fields : undefined;
}

function entryOf(
  { path, type, link, mode, uid, gid, size, device }: Fields & { readonly path: string },
  byPath: ReadonlyMap<string, FileEntry>,
): FileEntry | undefined {
  const common = { path, mode, uid, gid, sizeBytes: 0 };
  switch (type) {
    case "0":
      return { ...common, kind: "file", sizeBytes: size };
    case "1": {
      const target = treePath(link, false);
      const carrier = target === undefined ? undefined : byPath.get(target);
      if (carrier?.kind !== "file") return undefined;
      return { ...carrier, path, hardlink: carrier.hardlink ?? carrier.path };
    }
    case "2":
      return link === "" ? undefined : { ...common, kind: "symlink", mode: 0o777, target: link };
    case "3":
    case "4":
      if (device.includes("NaN")) return undefined;
      return { ...common, kind: type === "3" ? "character" : "block", device };
    case "5":
      return { ...common, kind: "directory" };
    case "6":
      return { ...common, kind: "fifo" };
    default:
      return undefined;
  }
}

/** `./usr/bin/` → `/usr/bin`; undefined for what is no path within a tree. */
function treePath(name: string, isFolder: boolean): string | undefined {
  const path = `/${name.replace(/^\.\//, "")}`.replace(isFolder ? /\/$/ : /$^/, "");
  return isTreePath(path) && !path.includes("\n") ? path : undefined;
}

function cString(bytes: Buffer, at: number, length: number): string {
  const end = bytes.indexOf(0, at);
  return nameOf(bytes.subarray(at, end === -1 || end > at + length ? at + length : end));
}
