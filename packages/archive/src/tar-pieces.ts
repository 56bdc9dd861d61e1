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

/**
 * The bytes of an archive of these entries; a piece is good until the next one is asked for.
 *
 * @throws BuildError `archive/truncated` where a content is shorter than its entry says
 */
export function* tarPieces(entries: Iterable<PlacedEntry>): Generator<Buffer> {
  const piece = Buffer.allocUnsafe(PIECE);
  // Whole blocks, as all that follows; a piece holds a number of them.
  let size = 0;
  for (const { entry, mtimeSeconds, content } of entries) {
    const header = entryHeader(entry, mtimeSeconds);
    for (let done = 0; done < header.length;) {
      if (size === PIECE) {
        yield piece;
        size = 0;
      }
      const some = header.copy(piece, size, done);
      done += some;
      size += some;
    }
    const length = hasContent(entry) ? entry.sizeBytes : 0;
    for (let done = 0; done < length;) {
      if (size === PIECE) {
        yield piece;
        size = 0;
      }
      const got = readSync(content.fd, piece, size, Math.min(PIECE - size, length - done), content.at + done);
      if (got === 0) throw new BuildError([truncated(entry.path)]);
      done += got;
      size += got;
    }
    const rest = padding(length);
    piece.fill(0, size, size + rest);
    size += rest;
  }
  yield piece.subarray(0, size);
  yield Buffer.alloc(2 * BLOCK);
}
