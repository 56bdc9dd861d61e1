/** A part of a file, piece by piece, through two buffers that are used again: new ones for each piece cost more than the reading. */
import type { FileHandle } from "node:fs/promises";

const PIECE_BYTES = 512 << 10;
/** Buffers that wait for their next use: 32 MiB. */
const MOST_FREE = 64;
const free: Buffer[] = [];

/**
 * Reads bytes `start` to `end`, both included; the file is closed in the end.
 *
 * @param write takes a piece, which is its own until the promise is settled
 * @returns false when the file ends before
 */
export async function readPieces(
  file: FileHandle,
  { start, end }: { readonly start: number; readonly end: number },
  write: (piece: Buffer) => Promise<void>,
): Promise<boolean> {
  const buffers = [
    free.pop() ?? Buffer.allocUnsafeSlow(PIECE_BYTES),
    free.pop() ?? Buffer.allocUnsafeSlow(PIECE_BYTES),
  ];
  let sending: Promise<void> = Promise.resolve();
  try {
    for (let at = start, turn = 0; at <= end; turn++) {
      const buffer = buffers[turn % 2]!;
      const { bytesRead } = await file.read(buffer, 0, Math.min(PIECE_BYTES, end - at + 1), at);
      // The other one may be used again when this has settled.
      await sending;
      if (bytesRead === 0) return false;
      sending = write(buffer.subarray(0, bytesRead));
      // It is waited for above and below; between them nobody is told of it.
      sending.catch((error: unknown) => error);
      at += bytesRead;
    }
    await sending;
    return true;
  } finally {
    await sending.catch((error: unknown) => error);
    if (free.length < MOST_FREE) free.push(...buffers);
    await file.close();
  }
}
