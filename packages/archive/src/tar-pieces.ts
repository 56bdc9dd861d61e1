/** A tar as a stream, whose contents lie in files that are open. */
import { readSync } from "node:fs";
import { BuildError } from "@tsbake/base";
import type { FileEntry } from "./file-entry.js";
import { truncated } from "./problems.js";
import { BLOCK, entryHeader, hasContent, padding } from "./tar-header.js";

/** Bytes of a piece. */
const PIECE = 1 << 18;

/** A place in an open file. */
export interface ContentPlace {
  readonly fd: number;
  readonly at: number;
}

export interface PlacedEntry {
  readonly entry: FileEntry;
  readonly mtimeSeconds: number;
  /** Where its content is, for a file that has one of its own. */
  readonly content: ContentPlace;
}

/** The bytes of an archive of these entries. @throws BuildError `archive/truncated` where a content is shorter than its entry says */
export function* tarPieces(entries: Iterable<PlacedEntry>): Generator<Buffer> {
  let piece = Buffer.allocUnsafe(PIECE);
  let size = 0;
  for (const { entry, mtimeSeconds, content } of entries) {
    const header = entryHeader(entry, mtimeSeconds);
    const length = hasContent(entry) ? entry.sizeBytes : 0;
    if (size + header.length > PIECE) {
      yield piece.subarray(0, size);
      [piece, size] = [Buffer.allocUnsafe(Math.max(PIECE, header.length)), 0];
    }
    size += header.copy(piece, size);
    for (let done = 0; done < length;) {
      if (size >= PIECE) {
        yield piece.subarray(0, size);
        [piece, size] = [Buffer.allocUnsafe(PIECE), 0];
      }
      const got = readSync(content.fd, piece, size, Math.min(PIECE - size, length - done), content.at + done);
      if (got === 0) throw new BuildError([truncated(entry.path)]);
      done += got;
      size += got;
    }
    const rest = padding(length);
    if (size + rest > piece.length) {
      yield piece.subarray(0, size);
      [piece, size] = [Buffer.allocUnsafe(PIECE), 0];
    }
    piece.fill(0, size, size + rest);
    size += rest;
  }
  yield piece.subarray(0, size);
  yield Buffer.alloc(2 * BLOCK);
}
