/** Writes an rpm of version 4: the same bytes for the same words and contents, wherever and whenever. */
import { createHash, type Hash } from "node:crypto";
import { once } from "node:events";
import { createReadStream, createWriteStream } from "node:fs";
import { rename, rm, stat } from "node:fs/promises";
import { pipeline } from "node:stream/promises";
import { createGzip } from "node:zlib";
import { ignoreSystemErrors, temporaryBeside } from "@tsbake/base";
import { LARGEST_FILE, cpioHeader, cpioPadding, cpioTrailer } from "./cpio.js";
import { type HeaderValue, headerOf } from "./header.js";
import { headerValues, inPayloadOrder, inRpmOrder, KIND_BITS, type PlacedFile } from "./header-values.js";
import { evrText, type RpmSpec } from "./spec.js";
import { SIGNATURE_TAG, TAG } from "./tags.js";

/** What precedes the signature in a file; nothing of it is read any more but magic and the kind of signature. */
const LEAD = 96;
const LEAD_MAGIC = "edabeedb0300";
const ALIGNMENT = 8;

/**
 * @param path appears whole or not at all
 * @param options level of gzip, 1 to 9
 * @throws system errors; what reading a content throws
 */
export async function writeRpm(
  spec: RpmSpec,
  path: string,
  { level }: { readonly level: number },
): Promise<void> {
  const [payload, temporary] = [temporaryBeside(`${path}.payload`), temporaryBeside(path)];
  try {
    const files = inRpmOrder(spec.files);
    const packed = createHash("sha256");
    const plain = createHash("sha256");
    const digests = new Map<string, string>();
    const counted = { plainBytes: 0 };
    await pipeline(
      observed(payloadPieces(inPayloadOrder(files), digests), plain, counted),
      createGzip({ level }),
      (pieces: AsyncIterable<Buffer>) => observed(pieces, packed),
      createWriteStream(payload, { flags: "wx" }),
    );
    const payloadBytes = (await stat(payload)).size;
    const header = headerOf(
      headerValues(spec, files, {
        digestOf: (file) => digests.get(file.hardlink ?? file.path) ?? "",
        packed: packed.digest("hex"),
        plain: plain.digest("hex"),
        level,
      }),
      TAG.headerImmutable,
    );
    const signature = headerOf(
      signatureValues(header, payloadBytes, counted.plainBytes),
      TAG.headerSignatures,
    );
    const out = createWriteStream(temporary, { flags: "wx", flush: true });
    for (const bytes of [leadOf(spec), signature, Buffer.alloc(alignmentOf(signature)), header])
      if (!out.write(bytes)) await once(out, "drain");
    await pipeline(createReadStream(payload), out);
    await rename(temporary, path);
  } catch (error) {
    await ignoreSystemErrors(rm(temporary, { force: true }));
    throw error;
  } finally {
    await ignoreSystemErrors(rm(payload, { force: true }));
  }
}

async function* observed(
  pieces: AsyncIterable<Buffer>,
  hash: Hash,
  counted?: { plainBytes: number },
): AsyncGenerator<Buffer> {
  for await (const piece of pieces) {
    hash.update(piece);
    if (counted) counted.plainBytes += piece.length;
    yield piece;
  }
}

/** The archive; notes the SHA-256 of each content on the way, in hex by the path that carries it. */
async function* payloadPieces(
  files: readonly PlacedFile[],
  digests: Map<string, string>,
): AsyncGenerator<Buffer> {
  const contents = new Map(files.map(({ file }) => [file.path, file.content]));
  for (const { file, inode, links, hasContent } of files) {
    if (file.sizeBytes > LARGEST_FILE) throw new Error(`internal: ${file.path} is too large for cpio`);
    const target = Buffer.from(file.target ?? "");
    const size = file.kind === "symlink" ? target.length : hasContent ? file.sizeBytes : 0;
    const mode = file.mode | KIND_BITS[file.kind];
    const { path, mtimeSeconds } = file;
    yield cpioHeader({ path, mode, inode, links, mtimeSeconds, sizeBytes: size });
    if (file.kind === "symlink") yield target;
    else if (hasContent) yield* contentOf(file.hardlink ?? path, file.sizeBytes, contents, digests);
    yield cpioPadding(size);
  }
  yield cpioTrailer();
}

async function* contentOf(
  carrier: string,
  sizeBytes: number,
  contents: ReadonlyMap<string, (() => AsyncIterable<Buffer> | Iterable<Buffer>) | undefined>,
  digests: Map<string, string>,
): AsyncGenerator<Buffer> {
  const hash = createHash("sha256");
  let size = 0;
  for await (const piece of contents.get(carrier)?.() ?? []) {
    hash.update(piece);
    size += piece.length;
    yield piece;
  }
  if (size !== sizeBytes)
    throw new Error(`internal: ${carrier} has ${size} bytes, and ${sizeBytes} were promised`);
  digests.set(carrier, hash.digest("hex"));
}

/** Digests of the header; the payload's are in it. */
function signatureValues(header: Buffer, payloadBytes: number, plainBytes: number): Map<number, HeaderValue> {
  const hex = (algorithm: string): HeaderValue => ({
    type: "string",
    value: createHash(algorithm).update(header).digest("hex"),
  });
  return new Map<number, HeaderValue>([
    [TAG.sha1Header, hex("sha1")],
    [TAG.sha256Header, hex("sha256")],
    [SIGNATURE_TAG.size, { type: "int32", value: [header.length + payloadBytes] }],
    [SIGNATURE_TAG.payloadSize, { type: "int32", value: [plainBytes] }],
  ]);
}

function alignmentOf(signature: Buffer): number {
  return (ALIGNMENT - (signature.length % ALIGNMENT)) % ALIGNMENT;
}

function leadOf(spec: RpmSpec): Buffer {
  const lead = Buffer.alloc(LEAD);
  lead.write(LEAD_MAGIC, "hex");
  // Binary package, any architecture; operating system 1, signature of the only kind that there is.
  lead.writeUInt16BE(1, 8);
  lead.write(`${spec.name}-${evrText(spec).replace(/^\d+:/, "")}`.slice(0, 65), 10, "latin1");
  lead.writeUInt16BE(1, 76);
  lead.writeUInt16BE(5, 78);
  return lead;
}
