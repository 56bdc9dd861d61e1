/**
 * Which object an artifact is, in the artifact itself: a checksum says that bytes are whole, not that they are those of this
 * name. The label stands behind the compressed bytes, in a form that every decompressor reads over; what is unpacked, and what
 * output hashes are made of, has nothing of it.
 *
 * @see RFC 8878, 3.1.2 "Skippable Frames"; RFC 1952, 2.3 "Member format"
 */
import { open, type FileHandle } from "node:fs/promises";
import { basename } from "node:path";
import { BuildError } from "@tsbake/base";
import { objectPath, type ObjectName } from "./names.js";
import { otherArtifact } from "./problems.js";

const MARK = "tsbake-object ";
const ZSTD_MAGIC = Buffer.from([0x28, 0xb5, 0x2f, 0xfd]);
const GZIP_MAGIC = Buffer.from([0x1f, 0x8b]);
/** One of the sixteen that are for users. */
const SKIPPABLE_MAGIC = 0x184d2a5e;
/** CM deflate, FLG comment, no time, no extra flags, unknown system. */
const GZIP_HEAD = Buffer.from([0x1f, 0x8b, 8, 0x10, 0, 0, 0, 0, 0, 255]);
/** An empty last block, and checksum and length of nothing. */
const GZIP_TAIL = Buffer.from([3, 0, 0, 0, 0, 0, 0, 0, 0, 0]);
/** A name is at most as long as a file's. */
const LONGEST_LABEL = 512;

/** Writes the name behind the bytes of a packed artifact; once. @throws system errors */
export async function labelArtifact(path: string, name: ObjectName): Promise<void> {
  await using file = await open(path, "r+");
  const { size } = await file.stat();
  await file.write(labelFor(await startOf(file), textOf(name)), 0, undefined, size);
  await file.sync();
}

/** @throws BuildError `sstate/other-artifact` when it says another name, or none */
export async function checkLabel(path: string, name: ObjectName): Promise<void> {
  await using file = await open(path, "r");
  const { size } = await file.stat();
  const expected = labelFor(await startOf(file), textOf(name));
  const end = await read(file, Math.max(0, size - LONGEST_LABEL), Math.min(size, LONGEST_LABEL));
  if (end.subarray(-expected.length).equals(expected)) return;
  throw new BuildError([otherArtifact(path, nameIn(end))]);
}

/**
 * Whether a file says that it is another artifact than its own name does. One that says nothing, as BitBake's, is not judged.
 *
 * @returns the name that it has in itself; undefined: the right one, or none @throws system errors
 */
export async function otherNameIn(path: string): Promise<string | undefined> {
  await using file = await open(path, "r");
  const { size } = await file.stat();
  const found = nameIn(await read(file, Math.max(0, size - LONGEST_LABEL), Math.min(size, LONGEST_LABEL)));
  return found === basename(path).replace(/\.tar\.(?:zst|gz)$/, "") ? undefined : found;
}

/** @param end of the file */
function nameIn(end: Buffer): string | undefined {
  // The last one counts, as for whoever compares the end of the file.
  return [...end.toString("latin1").matchAll(new RegExp(`${MARK}([ -~]+)`, "g"))].at(-1)?.[1];
}

/** Without what says how it is packed. */
function textOf(name: ObjectName): string {
  return `${MARK}${basename(objectPath(name), ".tar.zst")}`;
}

function labelFor(start: Buffer, text: string): Buffer {
  if (start.subarray(0, GZIP_MAGIC.length).equals(GZIP_MAGIC))
    return Buffer.concat([GZIP_HEAD, Buffer.from(`${text}\0`), GZIP_TAIL]);
  if (!start.equals(ZSTD_MAGIC)) return Buffer.from(text);
  const head = Buffer.alloc(8);
  head.writeUInt32LE(SKIPPABLE_MAGIC, 0);
  head.writeUInt32LE(Buffer.byteLength(text), 4);
  return Buffer.concat([head, Buffer.from(text)]);
}

function startOf(file: FileHandle): Promise<Buffer> {
  return read(file, 0, ZSTD_MAGIC.length);
}

async function read(file: FileHandle, at: number, length: number): Promise<Buffer> {
  const buffer = Buffer.alloc(length);
  const { bytesRead } = await file.read(buffer, 0, length, at);
  return buffer.subarray(0, bytesRead);
}
