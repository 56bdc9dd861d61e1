/** Writes a tar whose bytes depend on nothing but what is put in: pax headers only where ustar has no room. */
import { closeSync, openSync, writeSync } from "node:fs";
import { isZero, nameBytes } from "@tsbake/base";
import type { FileEntry } from "./file-entry.js";
import { sumOf, type TarFile, type TarMember, XATTR } from "./tar-file.js";

const BLOCK = 512;
/** Zeros of this length are not written. */
const HOLE_BYTES = 64 * 1024;
/** GNU tar pads to this; readers do not care, but `tar -t` stays quiet. */
const RECORD = 20 * BLOCK;

/** Bytes that are written at a time. */
const BUFFER = 1 << 18;

/** Largest size in 11 octal digits. */
const MAX_OCTAL_SIZE = 0o77777777777;

const TYPES = { file: "0", symlink: "2", character: "3", block: "4", directory: "5", fifo: "6" } as const;

export class TarWriter implements Disposable {
  readonly #fd: number;
  #written = 0;
  /** What is not in the file yet: the first `#waitingSize` bytes belong at `#waitingAt`. */
  readonly #waiting = Buffer.allocUnsafe(BUFFER);
  #waitingAt = 0;
  #waitingSize = 0;

  /** Makes or empties the file at `path`. */
  constructor(path: string) {
    this.#fd = openSync(path, "w", 0o644);
  }

  /** The root itself, root's own; without it, tools put their user and clock there. Comes first. */
  root(mtimeSeconds: number): void {
    this.write(ustar({ name: "./", link: "", type: TYPES.directory, mode: 0o755, size: 0, mtimeSeconds }));
  }

  /** Begins an entry. A file that is no hard link must be followed by exactly `sizeBytes` of {@link write}, then {@link pad}. */
  begin(entry: FileEntry, mtimeSeconds: number): void {
    const name = `.${entry.path}${entry.kind === "directory" ? "/" : ""}`;
    const link = entry.hardlink === undefined ? (entry.target ?? "") : `.${entry.hardlink}`;
    const hasContent = entry.kind === "file" && entry.hardlink === undefined;
    const records = paxRecords(entry, name, link);
    if (records.length > 0) {
      const header = ustar({
        name: "./PaxHeaders/entry",
        link: "",
        type: "x",
        mode: 0o644,
        size: records.length,
        mtimeSeconds,
      });
      this.write(header);
      this.write(records);
      this.pad();
    }
    const type = entry.hardlink === undefined ? TYPES[entry.kind] : "1";
    const [major, minor] = (entry.device ?? "0:0").split(":").map(Number);
    const ids = { uid: entry.uid, gid: entry.gid, major: major ?? 0, minor: minor ?? 0 };
    this.write(
      ustar({
        name,
        link,
        type,
        mode: entry.mode,
        size: hasContent ? entry.sizeBytes : 0,
        mtimeSeconds,
        ...ids,
      }),
    );
  }

  /** A member of another tar, as `entry` and with its own time; a link or folder has no content to copy. */
  copy(from: TarFile, member: TarMember, entry: FileEntry): void {
    this.begin(entry, member.mtimeSeconds);
    if (entry.kind !== "file" || entry.hardlink !== undefined) return;
    from.content(member.contentAt, entry.sizeBytes, (piece) => this.write(piece));
    this.pad();
  }

  /** Zeros are left out: they become holes of the file. */
  write(data: Uint8Array): void {
    for (let at = 0; at < data.length; at += HOLE_BYTES) {
      const piece = data.subarray(at, at + HOLE_BYTES);
      if (piece.length < HOLE_BYTES || !isZero(piece)) this.#put(piece, this.#written + at);
    }
    this.#written += data.length;
  }

  #put(data: Uint8Array, place: number): void {
    const isNext = place === this.#waitingAt + this.#waitingSize;
    if (!isNext || this.#waitingSize + data.length > BUFFER) {
      this.#flush();
      this.#waitingAt = place;
    }
    this.#waiting.set(data, this.#waitingSize);
    this.#waitingSize += data.length;
  }

  #flush(): void {
    for (let done = 0; done < this.#waitingSize;)
      done += writeSync(this.#fd, this.#waiting, done, this.#waitingSize - done, this.#waitingAt + done);
    this.#waitingSize = 0;
  }

  /** Fills up to the next block. */
  pad(): void {
    const rest = this.#written % BLOCK;
    if (rest > 0) this.write(Buffer.alloc(BLOCK - rest));
  }

  /** Ends the archive, which is whole only then: two empty blocks, filled up to a record. */
  finish(): void {
    this.write(Buffer.alloc(2 * BLOCK));
    const rest = this.#written % RECORD;
    if (rest > 0) this.write(Buffer.alloc(RECORD - rest));
    this.#flush();
  }

  [Symbol.dispose](): void {
    closeSync(this.#fd);
  }
}

interface Header {
  readonly name: string;
  readonly link: string;
  readonly type: string;
  readonly mode: number;
  readonly size: number;
  readonly mtimeSeconds: number;
  readonly uid?: number;
  readonly gid?: number;
  readonly major?: number;
  readonly minor?: number;
}

function ustar(of: Header): Buffer {
  const header = Buffer.alloc(BLOCK);
  const octal = (value: number, at: number, digits: number): void => {
    header.write(`${value.toString(8).padStart(digits, "0")}\0`, at, "latin1");
  };
  nameBytes(of.name).copy(header, 0, 0, 100);
  octal(of.mode, 100, 7);
  octal(of.uid ?? 0, 108, 7);
  octal(of.gid ?? 0, 116, 7);
  octal(Math.min(of.size, MAX_OCTAL_SIZE), 124, 11);
  octal(of.mtimeSeconds, 136, 11);
  header.write(of.type, 156, "latin1");
  nameBytes(of.link).copy(header, 157, 0, 100);
  header.write("ustar\x0000", 257, "latin1");
  octal(of.major ?? 0, 329, 7);
  octal(of.minor ?? 0, 337, 7);
  header.write(`${sumOf(header).toString(8).padStart(6, "0")}\0 `, 148, "latin1");
  return header;
}

/** What does not fit into ustar, sorted by key. */
function paxRecords(entry: FileEntry, name: string, link: string): Buffer {
  const records: Buffer[] = [];
  for (const one of entry.xattrs ?? []) {
    const at = one.indexOf("=");
    records.push(record(`${XATTR}${one.slice(0, at)}`, Buffer.from(one.slice(at + 1), "base64")));
  }
  if (nameBytes(link).length > 100) records.push(record("linkpath", nameBytes(link)));
  if (nameBytes(name).length > 100) records.push(record("path", nameBytes(name)));
  if (entry.sizeBytes > MAX_OCTAL_SIZE) records.push(record("size", Buffer.from(String(entry.sizeBytes))));
  return Buffer.concat(records);
}

/** `LENGTH KEY=VALUE\n`, the length counting itself. */
function record(key: string, value: Buffer): Buffer {
  const rest = Buffer.byteLength(key) + value.length + 3;
  let length = rest + String(rest).length;
  if (String(length).length > String(rest).length) length = rest + String(length).length;
  return Buffer.concat([Buffer.from(`${length} ${key}=`), value, Buffer.from("\n")]);
}
