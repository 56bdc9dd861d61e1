/**
 * Files whose path a stranger can fill: mirrors, downloads, pools. What stands there may be a FIFO, which an ordinary open
 * waits at for ever, or a device, which has no end. Here they are opened without waiting, and only plain files are read.
 */
import { constants } from "node:fs";
import { open, type FileHandle } from "node:fs/promises";
import { hasCode } from "../diagnostics/errno.js";

/** Room for a piece of a file. */
const CHUNK_BYTES = 1 << 20;
/** A piece of zeros of this size is left out of a copy: it becomes a hole. */
const HOLE_BYTES = 64 * 1024;
const ZEROS = Buffer.alloc(HOLE_BYTES);

/** What is there is neither a file nor a folder, or more than was asked for. */
class UnfitFile extends Error {
  override readonly name = "UnfitFile";
  readonly code: "NOT_PLAIN" | "TOO_LONG";
  readonly path: string;

  constructor(code: "NOT_PLAIN" | "TOO_LONG", path: string, why: string) {
    super(`${path} ${why}`);
    this.code = code;
    this.path = path;
  }
}

/**
 * Opens a plain file for reading; a link to one does.
 *
 * @throws system errors; EISDIR for a folder; an error with the code NOT_PLAIN for a FIFO, a socket or a device
 */
export async function openPlain(path: string | Buffer): Promise<FileHandle> {
  let file: FileHandle;
  try {
    file = await open(path, constants.O_RDONLY | constants.O_NONBLOCK | constants.O_NOCTTY);
  } catch (error) {
    // A socket, or a device without a driver.
    if (hasCode(error, "ENXIO", "ENODEV")) throw notPlain(path);
    throw error;
  }
  try {
    const found = await file.stat();
    if (found.isFile()) return file;
    if (!found.isDirectory()) throw notPlain(path);
    throw Object.assign(new Error(`EISDIR: illegal operation on a directory, read '${path.toString()}'`), {
      code: "EISDIR",
      path,
    });
  } catch (error) {
    await file.close();
    throw error;
  }
}

function notPlain(path: string | Buffer): UnfitFile {
  return new UnfitFile("NOT_PLAIN", path.toString(), "is no plain file but a FIFO, a socket or a device");
}

/** The content of a plain file. @throws as `openPlain`; an error with the code TOO_LONG when there is more than `maxBytes` */
export async function readPlain(path: string, maxBytes: number): Promise<Buffer> {
  const file = await openPlain(path);
  try {
    const pieces: Buffer[] = [];
    let total = 0;
    for (;;) {
      const { bytesRead, buffer } = await file.read(Buffer.allocUnsafe(CHUNK_BYTES), 0, CHUNK_BYTES);
      if (bytesRead === 0) return Buffer.concat(pieces);
      total += bytesRead;
      if (total > maxBytes) throw new UnfitFile("TOO_LONG", path, `has more than ${maxBytes} bytes`);
      pieces.push(buffer.subarray(0, bytesRead));
    }
  } finally {
    await file.close();
  }
}

/** The text of a plain file, or undefined when there is none. @throws any other system error; NOT_PLAIN, see `openPlain` */
export async function readTextIfThere(path: string): Promise<string | undefined> {
  try {
    const file = await openPlain(path);
    try {
      return await file.readFile("utf8");
    } finally {
      await file.close();
    }
  } catch (error) {
    if (hasCode(error, "ENOENT", "ENOTDIR")) return undefined;
    throw error;
  }
}

/**
 * Copies a plain file onto `to`, which is replaced or made, and is no link. Runs of zeros become holes.
 *
 * @throws as `openPlain`; system errors of writing
 */
export async function copyPlain(from: string, to: string): Promise<void> {
  const file = await openPlain(from);
  try {
    const { O_WRONLY, O_CREAT, O_TRUNC, O_NOFOLLOW } = constants;
    const out = await open(to, O_WRONLY | O_CREAT | O_TRUNC | O_NOFOLLOW, 0o644);
    try {
      const buffer = Buffer.allocUnsafe(CHUNK_BYTES);
      for (let at = 0; ;) {
        const { bytesRead } = await file.read(buffer, 0, CHUNK_BYTES);
        if (bytesRead === 0) return await out.truncate(at);
        await writePiece(out, buffer.subarray(0, bytesRead), at);
        at += bytesRead;
      }
    } finally {
      await out.close();
    }
  } finally {
    await file.close();
  }
}

async function writePiece(out: FileHandle, piece: Buffer, at: number): Promise<void> {
  for (let done = 0; done < piece.length; done += HOLE_BYTES) {
    const part = piece.subarray(done, done + HOLE_BYTES);
    if (!isZero(part)) await out.write(part, 0, part.length, at + done);
  }
}

/** Whether a piece of at most 64 KiB is nothing but zeros. */
export function isZero(piece: Uint8Array): boolean {
  return ZEROS.compare(piece, 0, piece.length, 0, piece.length) === 0;
}
