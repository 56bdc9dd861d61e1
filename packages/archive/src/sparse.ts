/**
 * Files with holes: which of a tree's have some, and how an archive says where they are. GNU tar's first form, 0.0, is the
 * one in which an entry keeps its name, so that the same tree gives the same bytes.
 *
 * @see GNU tar manual, "Storing Sparse Files" and "PAX Format, Versions 0.0 and 0.1"
 */
import { Buffer } from "node:buffer";
import { closeSync, fdatasyncSync, lstatSync, openSync, readSync, statfsSync } from "node:fs";
import { isZero } from "@tsbake/base";

/** Fewer zeros cost nothing once they are compressed, but tar reads a file that has holes in pieces of 512 bytes. */
const WORTHWHILE_BYTES = 1 << 20;
const BLOCK = 512;
const PIECE_BYTES = 64 * 1024;

/** File systems of which the kernel knows what has not been written out yet, when it is asked for holes (statfs(2)). */
const FORESEEING = new Set([
  0xef53, // ext2, ext3, ext4
  0x5846_5342, // XFS
  0x9123_683e, // Btrfs
  0x0102_1994, // tmpfs
]);

/**
 * Arguments for tar that keep holes; none when no file has many.
 *
 * tar believes the system: a file of which no block is on the disk is a hole for it. That is not so where data has not been
 * written out yet, or a file system does not count blocks (some in user space). So what has no blocks must be zeros, and
 * what has holes is written out first where the file system needs that.
 *
 * @param places paths of plain files, as bytes
 */
export function sparseArguments(places: Iterable<Buffer>): string[] {
  let isWanted = false;
  const blockless: Buffer[] = [];
  for (const place of places) {
    const { size, blocks } = lstatSync(place);
    const holes = size - blocks * BLOCK;
    if (holes <= 0) continue;
    if (holes >= WORTHWHILE_BYTES) isWanted = true;
    if (blocks === 0) blockless.push(place);
    else if (holes >= WORTHWHILE_BYTES && !FORESEEING.has(statfsSync(place).type)) writeOut(place);
  }
  if (!isWanted || !blockless.every(isAllZero)) return [];
  return ["--sparse", "--sparse-version=0.0", "--hole-detection=seek"];
}

function writeOut(place: Buffer): void {
  const fd = openSync(place, "r");
  try {
    fdatasyncSync(fd);
  } finally {
    closeSync(fd);
  }
}

function isAllZero(place: Buffer): boolean {
  const fd = openSync(place, "r");
  try {
    const piece = Buffer.allocUnsafe(PIECE_BYTES);
    for (;;) {
      const got = readSync(fd, piece, 0, PIECE_BYTES, null);
      if (got === 0) return true;
      if (!isZero(piece.subarray(0, got))) return false;
    }
  } finally {
    closeSync(fd);
  }
}

/** The map of one entry: `size`, `numblocks`, then pairs of `offset` and `numbytes` that rise and do not overlap. */
export class SparseMap {
  static readonly keys: readonly string[] = ["size", "numblocks", "offset", "numbytes"].map(
    (word) => `GNU.sparse.${word}`,
  );

  #size: number | undefined;
  #blocks: number | undefined;
  #count = 0;
  #offset: number | undefined;
  /** Where the last piece of data ends. */
  #end = 0;
  #bytes = 0;

  /** Of the file. */
  get size(): number {
    return this.#size ?? 0;
  }

  /** @returns false for what comes in another order, or is no number */
  add(key: string, text: string): boolean {
    if (!/^\d{1,15}$/.test(text)) return false;
    const value = Number(text);
    switch (key.slice("GNU.sparse.".length)) {
      case "size":
        if (this.#size !== undefined) return false;
        this.#size = value;
        return true;
      case "numblocks":
        if (this.#size === undefined || this.#blocks !== undefined) return false;
        this.#blocks = value;
        return true;
      case "offset":
        if (this.#blocks === undefined || this.#offset !== undefined || value < this.#end) return false;
        this.#offset = value;
        return true;
      default:
        if (this.#offset === undefined || this.#offset + value > this.size) return false;
        this.#end = this.#offset + value;
        this.#offset = undefined;
        this.#bytes += value;
        this.#count++;
        return true;
    }
  }

  /**
   * Ends where the file ends, if need be with an empty piece: tar makes the file no longer than its map.
   *
   * @param sizeBytes of the entry's data in the archive
   */
  isWhole(sizeBytes: number): boolean {
    const isComplete = this.#blocks === this.#count && this.#offset === undefined && this.#end === this.#size;
    return isComplete && this.#bytes === sizeBytes;
  }
}
