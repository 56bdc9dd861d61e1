/** Reads an rpm of version 4, and believes nothing of it before its digests are right. */
import { createHash } from "node:crypto";
import { createReadStream } from "node:fs";
import type { FileHandle } from "node:fs/promises";
import { BuildError, openPlain } from "@tsbake/base";
import { badRpm } from "../../problems.js";
import { HeaderFault, headerBytes, readHeader, type RpmHeader } from "./header.js";
import type { ScriptKind } from "./spec.js";
import { TAG } from "./tags.js";

const LEAD = 96;
const LEAD_MAGIC = "edabeedb";
const INTRO = 16;
const ALIGNMENT = 8;
/** Of a header in a package file; the largest of a distribution has some 20 MB. */
const MOST_BYTES = 64 * 1024 * 1024;

export interface RpmFileParts {
  readonly signature: RpmHeader;
  readonly header: RpmHeader;
  /** As it is in the file. */
  readonly headerBytes: Buffer;
  /** Where the payload begins, bytes. */
  readonly payloadAt: number;
}

/**
 * The headers of a package file. The main header has the digest that the signature header says.
 *
 * @throws BuildError `packaging/bad-rpm`; system errors of opening it
 */
export async function readRpm(path: string): Promise<RpmFileParts> {
  const file = await openPlain(path);
  try {
    const { size } = await file.stat();
    const lead = await bytesAt(file, 0, LEAD, size);
    if (lead.toString("hex", 0, 4) !== LEAD_MAGIC) throw new HeaderFault("it has no magic number of an rpm");
    if (lead.readUInt8(4) !== 3) throw new HeaderFault(`it is an rpm of version ${lead.readUInt8(4)}`);
    if (lead.readUInt16BE(6) !== 0) throw new HeaderFault("it is a package of sources");
    const signature = await headerAt(file, LEAD, size);
    const start = LEAD + Math.ceil(signature.length / ALIGNMENT) * ALIGNMENT;
    const header = await headerAt(file, start, size);
    const said = readHeader(signature).header;
    const sha256 = said.text(TAG.sha256Header);
    if (sha256 === "")
      throw new HeaderFault("it has no SHA-256 of its header: it was made by an rpm before 4.14");
    if (createHash("sha256").update(header).digest("hex") !== sha256)
      throw new HeaderFault("its header does not have the SHA-256 that its signature header says");
    return {
      signature: said,
      header: readHeader(header).header,
      headerBytes: header,
      payloadAt: start + header.length,
    };
  } catch (error) {
    throw asBadRpm(error, path);
  } finally {
    await file.close();
  }
}

/** The text of a scriptlet; "" for a package that has none. @throws BuildError `packaging/bad-rpm` */
export async function rpmScriptlet(path: string, kind: ScriptKind): Promise<string> {
  const { header } = await readRpm(path);
  try {
    return header.text(TAG[kind]);
  } catch (error) {
    throw asBadRpm(error, path);
  }
}

/** Compares the payload with its digest. @throws BuildError `packaging/bad-rpm` */
export async function verifyPayload(path: string, { header, payloadAt }: RpmFileParts): Promise<void> {
  try {
    const [expected = ""] = header.texts(TAG.payloadDigest);
    if (expected === "") throw new HeaderFault("it has no digest of its payload");
    const hash = createHash("sha256");
    for await (const piece of createReadStream(path, { start: payloadAt })) hash.update(piece as Buffer);
    if (hash.digest("hex") !== expected)
      throw new HeaderFault("its payload does not have the SHA-256 that its header says");
  } catch (error) {
    throw asBadRpm(error, path);
  }
}

async function headerAt(file: FileHandle, at: number, size: number): Promise<Buffer> {
  const length = headerBytes(await bytesAt(file, at, INTRO, size));
  if (length > MOST_BYTES) throw new HeaderFault(`a header says that it has ${length} bytes`);
  return bytesAt(file, at, length, size);
}

async function bytesAt(file: FileHandle, at: number, length: number, size: number): Promise<Buffer> {
  if (at + length > size) throw new HeaderFault("it is truncated");
  const bytes = Buffer.alloc(length);
  const { bytesRead } = await file.read(bytes, 0, length, at);
  if (bytesRead < length) throw new HeaderFault("it is truncated");
  return bytes;
}

/** A fault of the bytes as the error of the file; anything else as it is. */
export function asBadRpm(error: unknown, path: string): unknown {
  return error instanceof HeaderFault ? new BuildError([badRpm(path, error.message)]) : error;
}
