/**
 * Compressed bytes ⇄ plain bytes, as streams. gzip is node:zlib's; zstd, xz and bzip2 are programs of the host,
 * since Node 20 has none of them.
 *
 * When reading, the first bytes decide, never the name. When writing, the name or the caller decides.
 */
import { spawn } from "node:child_process";
import { access, constants } from "node:fs/promises";
import { createReadStream } from "node:fs";
import { delimiter, join } from "node:path";
import type { Readable } from "node:stream";
import { pipeline } from "node:stream/promises";
import { createGunzip } from "node:zlib";
import { BuildError, hasCode, messageOf } from "@tsbake/base";
import { damaged, noProgram } from "./problems.js";

export type Compression = "none" | "gzip" | "zstd" | "xz" | "bzip2";

const SUFFIXES: Readonly<Record<Compression, string>> = {
  none: "",
  gzip: ".gz",
  zstd: ".zst",
  xz: ".xz",
  bzip2: ".bz2",
};

/** Magic numbers: RFC 1952, RFC 8878, the .xz file format 1.2.0, bzip2's `BZh`. */
const MAGICS: readonly (readonly [Compression, readonly number[]])[] = [
  ["gzip", [0x1f, 0x8b]],
  ["zstd", [0x28, 0xb5, 0x2f, 0xfd]],
  ["xz", [0xfd, 0x37, 0x7a, 0x58, 0x5a, 0x00]],
  ["bzip2", [0x42, 0x5a, 0x68]],
];

/** Bytes that `compressionOfBytes` needs to see. */
const MAGIC_BYTES = 6;

/** The file name's suffix, with the dot; empty for `none`. */
export function suffixOf(compression: Compression): string {
  return SUFFIXES[compression];
}

/** What a file of this name is to be compressed with: `x.tar.zst` and `x.tzst` give zstd; unknown suffixes none. */
export function compressionOfName(name: string): Compression {
  const lower = name.toLowerCase();
  if (/\.(gz|tgz)$/.test(lower)) return "gzip";
  if (/\.(zst|tzst)$/.test(lower)) return "zstd";
  if (/\.(xz|txz)$/.test(lower)) return "xz";
  if (/\.(bz2|tbz2?)$/.test(lower)) return "bzip2";
  return "none";
}

/** What the first bytes of a file say it is compressed with. */
export function compressionOfBytes(start: Uint8Array): Compression {
  const found = MAGICS.find(([, magic]) => magic.every((byte, at) => start[at] === byte));
  return found?.[0] ?? "none";
}

/** Whether a program is on the PATH and executable. */
export async function hasProgram(program: string): Promise<boolean> {
  for (const folder of (process.env["PATH"] ?? "").split(delimiter)) {
    if (folder === "") continue;
    try {
      await access(join(folder, program), constants.X_OK);
      return true;
    } catch {
      // Not in this folder.
    }
  }
  return false;
}

/** zstd where the host has it, else gzip: what our own archives are compressed with. */
export async function bestCompression(): Promise<"zstd" | "gzip"> {
  return (await hasProgram("zstd")) ? "zstd" : "gzip";
}

/**
 * The environment for tar and the compressors: theirs, without the variables by which a user's habits
 * (TAR_OPTIONS, GZIP, XZ_OPT, ZSTD_CLEVEL, …) would change the bytes.
 */
export function plainEnvironment(): Record<string, string> {
  const env: Record<string, string> = { LC_ALL: "C" };
  for (const [name, value] of Object.entries(process.env)) {
    if (/^(TAR_.*|GZIP|XZ_.*|ZSTD_.*|BZIP2?|POSIXLY_CORRECT|LC_.*|LANG)$/.test(name)) continue;
    if (value !== undefined) env[name] = value;
  }
  return env;
}

/**
 * The plain bytes of a file or stream, whatever it is compressed with. Read it to the end or break out of the loop:
 * either way nothing is left running.
 *
 * @param label what to call it in errors; default: the path
 * @throws BuildError `archive/damaged`, `archive/no-program`; system errors of opening a path
 */
export async function* decompress(source: string | Readable, label?: string): AsyncGenerator<Buffer> {
  const name = label ?? (typeof source === "string" ? source : "the stream");
  const input = typeof source === "string" ? createReadStream(source, { highWaterMark: 1 << 18 }) : source;
  const pieces: AsyncIterator<Buffer> = input[Symbol.asyncIterator]();
  const start: Buffer[] = [];
  let length = 0;
  try {
    while (length < MAGIC_BYTES) {
      const piece = await pieces.next();
      if (piece.done) break;
      start.push(piece.value);
      length += piece.value.length;
    }
    const compression = compressionOfBytes(Buffer.concat(start).subarray(0, MAGIC_BYTES));
    const packed = chain(start, pieces);
    if (compression === "none") yield* packed;
    else if (compression === "gzip") yield* gunzip(packed, name);
    else yield* byProgram(compression, packed, name);
  } finally {
    input.destroy();
  }
}

async function* chain(start: readonly Buffer[], rest: AsyncIterator<Buffer>): AsyncGenerator<Buffer> {
  yield* start;
  for (let piece = await rest.next(); !piece.done; piece = await rest.next()) yield piece.value;
}

async function* gunzip(packed: AsyncIterable<Buffer>, label: string): AsyncGenerator<Buffer> {
  const plain = createGunzip({ chunkSize: 1 << 18 });
  let failure: unknown;
  const fed = pipeline(packed, plain).catch((error: unknown) => void (failure ??= error));
  try {
    for await (const piece of plain) yield piece as Buffer;
  } catch (error) {
    throw asDamage(error, label);
  } finally {
    plain.destroy();
    await fed;
  }
  if (failure !== undefined) throw asDamage(failure, label);
}

function asDamage(error: unknown, label: string): unknown {
  return hasCode(error, "Z_DATA_ERROR", "Z_BUF_ERROR", "Z_NEED_DICT", "ERR_STREAM_PREMATURE_CLOSE")
    ? new BuildError([damaged(label, `not a whole gzip file (${messageOf(error)})`)])
    : error;
}

async function* byProgram(
  program: "zstd" | "xz" | "bzip2",
  packed: AsyncIterable<Buffer>,
  label: string,
): AsyncGenerator<Buffer> {
  if (!(await hasProgram(program))) throw new BuildError([noProgram(program, `to read ${label}`)]);
  const child = spawn(program, ["-q", "-dc"], { stdio: ["pipe", "pipe", "pipe"], env: plainEnvironment() });
  let complaint = "";
  child.stderr
    .setEncoding("utf8")
    .on("data", (text: string) => (complaint = (complaint + text).slice(-2000)));
  const ended = new Promise<number | null>((resolve) => {
    child.on("error", () => resolve(null));
    child.on("close", (code) => resolve(code));
  });
  let failure: unknown;
  // A child that dies early closes its input; its exit code tells why.
  const fed = pipeline(packed, child.stdin).catch((error: unknown) => {
    if (!hasCode(error, "EPIPE", "ERR_STREAM_PREMATURE_CLOSE", "ERR_STREAM_DESTROYED")) failure ??= error;
  });
  let finished = false;
  try {
    for await (const piece of child.stdout) yield piece as Buffer;
    finished = true;
  } finally {
    if (!finished) child.kill("SIGKILL");
    await ended;
    await fed;
  }
  if (failure !== undefined) throw failure;
  const code = await ended;
  if (code !== 0) {
    const said = complaint.trim() || `${program} ended with ${code}`;
    throw new BuildError([damaged(label, said)]);
  }
}
