/** Writes a tar whose bytes depend on nothing but what is put in: pax headers only where ustar has no room. */
import { closeSync, openSync, writeSync } from "node:fs";
import { isZero } from "@tsbake/base";
import type { FileEntry } from "./file-entry.js";
import type { TarFile, TarMember } from "./tar-file.js";
import { BLOCK, entryHeader, hasContent, padding, rootHeader } from "./tar-header.js";

/** Zeros of this length are not written. */
const HOLE_BYTES = 64 * 1024;
/** GNU tar pads to this; readers do not care, but `tar -t` stays quiet. */
const RECORD = 20 * BLOCK;

/** Bytes that are written at a time. */
const BUFFER = 1 << 18;

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
    this.write(rootHeader(mtimeSeconds));
  }

  /** Begins an entry. A file that is no hard link must be followed by exactly `sizeBytes` of {@link write}, then {@link pad}. */
  begin(entry: FileEntry, mtimeSeconds: number): void {
    this.write(entryHeader(entry, mtimeSeconds));
  }

  /** A member of another tar, as `entry` and with its own time; a link or folder has no content to copy. */
  copy(from: TarFile, member: TarMember, entry: FileEntry): void {
    this.begin(entry, member.mtimeSeconds);
    if (!hasContent(entry)) return;
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
    const isLarge = data.length >= HOLE_BYTES;
    if (!isNext || isLarge || this.#waitingSize + data.length > BUFFER) {
      this.#flush();
      this.#waitingAt = place;
    }
    // Copying it costs as much as writing it.
    if (isLarge) {
      this.#toFile(data, place);
      return;
    }
    this.#waiting.set(data, this.#waitingSize);
    this.#waitingSize += data.length;
  }

  #flush(): void {
    this.#toFile(this.#waiting.subarray(0, this.#waitingSize), this.#waitingAt);
    this.#waitingSize = 0;
  }

  #toFile(data: Uint8Array, place: number): void {
    for (let done = 0; done < data.length;)
      done += writeSync(this.#fd, data, done, data.length - done, place + done);
  }

  /** Fills up to the next block. */
  pad(): void {
    const rest = padding(this.#written);
    if (rest > 0) this.write(Buffer.alloc(rest));
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
