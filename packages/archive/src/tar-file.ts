/**
 * An uncompressed tar as a tree with random access: what is in it, where each content lies, and its headers' times put
 * right in place. Only for archives that our own tasks wrote; strangers' go through {@link checkTar}.
 *
 * @see POSIX.1-2017 pax, "ustar Interchange Format" and "pax Header Block"
 */
import { createHash } from "node:crypto";
import { closeSync, fstatSync, openSync, readSync, writeSync } from "node:fs";
import { BuildError, nameOf } from "@tsbake/base";
import { isTreePath, type EntryKind, type FileEntry } from "./file-entry.js";
import { damaged } from "./problems.js";

const BLOCK = 512;
const ZEROS = Buffer.alloc(BLOCK);

/** Bytes that are read at a time. Most members of a tree are smaller: their headers and contents come from memory. */
const WINDOW = 1 << 18;
/** And of a content that is larger. */
const LARGE = 1 << 18;

export interface TarMember {
  readonly entry: FileEntry;
  /** Seconds since 1970. */
  readonly mtimeSeconds: number;
  /** Where the header block and the content begin. */
  readonly headerAt: number;
  readonly contentAt: number;
}

/** A tar opened for reading, and for putting times right. */
export class TarFile implements Disposable {
  readonly #path: string;
  readonly #fd: number;
  /** Of the whole file; headers are put right in place, so it stays. */
  readonly #sizeBytes: number;
  /** A part of the file as it is: the first `#windowSize` bytes are those from `#windowAt` on. */
  readonly #window = Buffer.allocUnsafe(WINDOW);
  #windowAt = 0;
  #windowSize = 0;
  /** For contents that do not fit into it. */
  #large: Buffer | undefined;
  /** Header of the root itself, when the archive has one and was read. */
  #rootAt: number | undefined;

  /** @throws system errors of opening */
  constructor(path: string, flags: "r" | "r+" = "r") {
    this.#path = path;
    this.#fd = openSync(path, flags);
    this.#sizeBytes = fstatSync(this.#fd).size;
  }

  /** Every member but the root by its path, without digests. @throws as `members` */
  membersByPath(): Map<string, TarMember> {
    return new Map(this.members(false).map((member) => [member.entry.path, member]));
  }

  /**
   * Every member but the root, in the archive's order, each file with its SHA-256 unless `hash` is false.
   *
   * @throws BuildError `archive/damaged` for anything but a whole, well-formed tar
   */
  members(hash = true): TarMember[] {
    const members: TarMember[] = [];
    const byPath = new Map<string, FileEntry>();
    let pax = new Map<string, string>();
    for (let at = 0; ;) {
      const header = this.#read(at, BLOCK);
      if (header.equals(ZEROS)) return members;
      this.#checkSum(header, at);
      const type = String.fromCharCode(header[156] ?? 0);
      const contentAt = at + BLOCK;
      const sizeBytes = this.#size(header, pax, contentAt);
      const next = contentAt + Math.ceil(sizeBytes / BLOCK) * BLOCK;
      if (type === "x") {
        pax = this.#paxRecords(this.#read(contentAt, sizeBytes));
      } else if (type !== "g") {
        const entry = this.#entry(header, type, pax, byPath);
        const mtimeSeconds = number(header, 136, 12);
        if (pax.size > 0) pax = new Map();
        if (entry === undefined) this.#rootAt = at;
        else {
          const content = entry.kind === "file" && !entry.hardlink ? sizeBytes : 0;
          const full =
            hash && entry.kind === "file" && !entry.hardlink
              ? { ...entry, sha256: this.#hash(contentAt, content) }
              : entry;
          byPath.set(full.path, full);
          members.push({ entry: full, mtimeSeconds, headerAt: at, contentAt });
        }
      }
      at = next;
    }
  }

  /** Hands the content of a member on, piece by piece; the pieces are only good during the call. */
  content(at: number, sizeBytes: number, use: (piece: Uint8Array) => void): void {
    if (sizeBytes <= WINDOW) {
      if (sizeBytes > 0) use(this.#read(at, sizeBytes));
      return;
    }
    const buffer = (this.#large ??= Buffer.allocUnsafe(LARGE));
    for (let done = 0; done < sizeBytes;) {
      const got = readSync(this.#fd, buffer, 0, Math.min(buffer.length, sizeBytes - done), at + done);
      if (got === 0) throw this.#bad("it ends too early");
      use(buffer.subarray(0, got));
      done += got;
    }
  }

  /** A piece of the content of a member that carries it, from `at` of the content on; fewer bytes where the content ends. */
  part({ entry, contentAt }: Pick<TarMember, "entry" | "contentAt">, at: number, size: number): Buffer {
    if (entry.kind !== "file" || entry.hardlink !== undefined || at < 0) return Buffer.alloc(0);
    const bytes = Buffer.allocUnsafe(Math.max(0, Math.min(size, entry.sizeBytes - at)));
    return bytes.subarray(0, readSync(this.#fd, bytes, 0, bytes.length, contentAt + at));
  }

  /** Sets the time of the root itself; {@link members} must have been called. */
  setRootTime(mtimeSeconds: number): void {
    if (this.#rootAt !== undefined) this.setTime({ headerAt: this.#rootAt }, mtimeSeconds);
  }

  /** Sets the time in a member's header, in the file. */
  setTime(member: Pick<TarMember, "headerAt">, mtimeSeconds: number): void {
    this.#patch(member, 136, `${mtimeSeconds.toString(8).padStart(11, "0")}\0`);
  }

  /** Sets the permission bits in a member's header, in the file. */
  setMode(member: Pick<TarMember, "headerAt">, mode: number): void {
    this.#patch(member, 100, `${mode.toString(8).padStart(7, "0")}\0`);
  }

  #patch(member: Pick<TarMember, "headerAt">, at: number, field: string): void {
    const header = this.#read(member.headerAt, BLOCK);
    header.write(field, at, "latin1");
    header.write(`${sumOf(header).toString(8).padStart(6, "0")}\0 `, 148, "latin1");
    // The window has it already: what was read is a part of that.
    writeSync(this.#fd, header, 0, BLOCK, member.headerAt);
  }

  [Symbol.dispose](): void {
    closeSync(this.#fd);
  }

  /** What follows a header; it is all there. */
  #size(header: Buffer, pax: ReadonlyMap<string, string>, contentAt: number): number {
    const size = Number(pax.get("size") ?? number(header, 124, 12));
    if (!Number.isSafeInteger(size) || size < 0) throw this.#bad("a header has an impossible size");
    if (contentAt + size > this.#sizeBytes) throw this.#bad("it ends too early");
    return size;
  }

  #entry(
    header: Buffer,
    type: string,
    pax: ReadonlyMap<string, string>,
    byPath: ReadonlyMap<string, FileEntry>,
  ): FileEntry | undefined {
    const path = this.#treePath(pax.get("path") ?? fullName(header));
    if (path === undefined) return undefined;
    const kind = kindOf(type);
    if (kind === undefined) throw this.#bad(`${path} is of the unknown type \`${type}\``);
    const link = pax.get("linkpath") ?? text(header, 157, 100);
    const xattrs = xattrsOf(pax);
    const common = {
      path,
      kind,
      mode: number(header, 100, 8) & 0o7777,
      uid: Number(pax.get("uid") ?? number(header, 108, 8)),
      gid: Number(pax.get("gid") ?? number(header, 116, 8)),
      ...(xattrs.length > 0 ? { xattrs } : {}),
    };
    if (type === "1") return this.#hardlink(common, this.#treePath(link), byPath);
    if (kind === "symlink") return { ...common, mode: 0o777, sizeBytes: 0, target: link };
    if (kind === "character" || kind === "block") {
      return { ...common, sizeBytes: 0, device: `${number(header, 329, 8)}:${number(header, 337, 8)}` };
    }
    return { ...common, sizeBytes: kind === "file" ? Number(pax.get("size") ?? number(header, 124, 12)) : 0 };
  }

  /** A further name of a file that came before: same content and permissions. */
  #hardlink(
    own: Pick<FileEntry, "path">,
    link: string | undefined,
    byPath: ReadonlyMap<string, FileEntry>,
  ): FileEntry {
    const carrier = link === undefined ? undefined : byPath.get(link);
    if (carrier === undefined) throw this.#bad(`${own.path} is a hard link to nothing`);
    return { ...carrier, path: own.path, ...(carrier.kind === "file" ? { hardlink: carrier.path } : {}) };
  }

  /** `./usr/bin/` → `/usr/bin`; undefined for the root. */
  #treePath(name: string): string | undefined {
    const path = `/${name.replace(/^(\.?\/)+/, "").replace(/\/+$/, "")}`;
    if (path === "/" || path === "/.") return undefined;
    if (!isTreePath(path)) throw this.#bad(`\`${name}\` is no path within a tree`);
    return path;
  }

  #hash(at: number, sizeBytes: number): string {
    const hash = createHash("sha256");
    this.content(at, sizeBytes, (piece) => hash.update(piece));
    return hash.digest("hex");
  }

  /** @returns bytes that are good until the next call */
  #read(at: number, length: number): Buffer {
    if (length > WINDOW) {
      const buffer = Buffer.allocUnsafe(length);
      if (readSync(this.#fd, buffer, 0, length, at) < length) throw this.#bad("it ends too early");
      return buffer;
    }
    if (at < this.#windowAt || at + length > this.#windowAt + this.#windowSize) {
      this.#windowAt = at;
      this.#windowSize = readSync(this.#fd, this.#window, 0, WINDOW, at);
      if (this.#windowSize < length) throw this.#bad("it ends too early");
    }
    const start = at - this.#windowAt;
    return this.#window.subarray(start, start + length);
  }

  /** `LENGTH KEY=VALUE\n` records; xattr values are bytes, so everything is read as latin1 first. */
  #paxRecords(data: Buffer): Map<string, string> {
    const records = new Map<string, string>();
    for (let at = 0; at < data.length;) {
      const blank = data.indexOf(0x20, at);
      const length = Number(data.toString("latin1", at, blank));
      const equals = data.indexOf(0x3d, blank);
      if (!(length > 0) || blank === -1 || equals === -1 || at + length > data.length)
        throw this.#bad("a pax header is damaged");
      const key = data.toString("utf8", blank + 1, equals);
      const value = data.subarray(equals + 1, at + length - 1);
      records.set(key, key.startsWith(XATTR) ? value.toString("base64") : nameOf(value));
      at += length;
    }
    return records;
  }

  #checkSum(header: Buffer, at: number): void {
    if (number(header, 148, 8) !== sumOf(header)) throw this.#bad(`the header at byte ${at} is damaged`);
  }

  #bad(why: string): BuildError {
    return new BuildError([damaged(this.#path, why)]);
  }
}

/** Key of an extended attribute in a pax header, as GNU tar, star and sqfstar have it. */
export const XATTR = "SCHILY.xattr.";

function xattrsOf(pax: ReadonlyMap<string, string>): string[] {
  return [...pax]
    .filter(([key]) => key.startsWith(XATTR))
    .map(([key, value]) => `${key.slice(XATTR.length)}=${value}`)
    .sort();
}

function kindOf(type: string): EntryKind | undefined {
  switch (type) {
    case "0":
    case "\0":
    case "1":
      return "file";
    case "2":
      return "symlink";
    case "3":
      return "character";
    case "4":
      return "block";
    case "5":
      return "directory";
    case "6":
      return "fifo";
    default:
      return undefined;
  }
}

function fullName(header: Buffer): string {
  const prefix = text(header, 345, 155);
  return prefix === "" ? text(header, 0, 100) : `${prefix}/${text(header, 0, 100)}`;
}

function text(header: Buffer, at: number, length: number): string {
  const end = header.indexOf(0, at);
  return nameOf(header.subarray(at, end === -1 || end > at + length ? at + length : end));
}

function number(header: Buffer, at: number, length: number): number {
  return Number.parseInt(text(header, at, length).trim() || "0", 8);
}

/** The sum of all bytes with the checksum field taken as blanks. */
export function sumOf(header: Uint8Array): number {
  let sum = 0;
  for (let at = 0; at < BLOCK; at++) sum += at >= 148 && at < 156 ? 0x20 : (header[at] ?? 0);
  return sum;
}
