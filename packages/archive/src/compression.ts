/**
 * Compressed bytes ⇄ plain bytes, as streams. gzip is node:zlib's; zstd, xz and bzip2 are programs of the host,
 * since Node 20 has none of them.
 *
 * When reading, the first bytes decide, never the name. When writing, the name or the caller decides.
 */
import { access, constants } from "node:fs/promises";
import { createReadStream } from "node:fs";
import { delimiter, join } from "node:path";
import type { Readable } from "node:stream";
import { pipeline } from "node:stream/promises";
import { createGunzip } from "node:zlib";
import { BuildError, hasCode, lastLines, messageOf, openChild, run } from "@tsbake/base";
import { brokenProgram, damaged, noProgram } from "./problems.js";

export type Compression = "none" | "gzip" | "zstd" | "xz" | "bzip2";

/** Magic numbers: RFC 1952, RFC 8878, the .xz file format 1.2.0, bzip2's `BZh`. */
const MAGICS: readonly (readonly [Compression, readonly number[]])[] = [
  ["gzip", [0x1f, 0x8b]],
  ["zstd", [0x28, 0xb5, 0x2f, 0xfd]],
  ["xz", [0xfd, 0x37, 0x7a, 0x58, 0x5a, 0x00]],
  ["bzip2", [0x42, 0x5a, 0x68]],
];

/** Bytes that `compressionOfBytes` needs to see. */
const MAGIC_BYTES = 6;

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

const SAMPLE = "tsbake";
const SAMPLES: Readonly<Record<"zstd" | "xz" | "bzip2", string>> = {
  zstd: "28b52ffd0460310000747362616b65fc5d8ede",
  xz: "fd377a585a000004e6d6b446020021011c00000010cf58cc010005747362616b6500000038953f0f30a92ae700011e06c12fa41d1fb6f37d010000000004595a",
  bzip2: "425a683931415926535913e98a96000002818032080c00200021800c015b36e2ee48a70a12027d3152c0",
};

/** What is wrong with a program, by PATH and name. */
const tried = new Map<string, Promise<string | undefined>>();

/**
 * A program that works: what one that does not says would be taken for the archive's fault.
 *
 * @throws BuildError `archive/no-program`, `archive/broken-program`
 */
export async function demandProgram(program: "zstd" | "xz" | "bzip2", purpose: string): Promise<void> {
  if (!(await hasProgram(program))) throw new BuildError([noProgram(program, purpose)]);
  const key = `${process.env["PATH"]}\0${program}`;
  let found = tried.get(key);
  if (!found) tried.set(key, (found = trial(program)));
  const fault = await found;
  if (fault !== undefined) throw new BuildError([brokenProgram(program, fault)]);
}

async function trial(program: "zstd" | "xz" | "bzip2"): Promise<string | undefined> {
  const input = Buffer.from(SAMPLES[program], "hex");
  const { code, signal, stdout, stderr } = await run(program, ["-q", "-dc"], {
    input,
    env: plainEnvironment(),
    mayFail: true,
  });
  if (code === 0 && stdout === SAMPLE) return undefined;
  if (code === null) return `${signal} ended it`;
  return lastLines(stderr, 3) || (code === 0 ? "it gives other bytes back" : `it ended with ${code}`);
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
  await demandProgram(program, `to read ${label}`);
  await using child = openChild(program, ["-q", "-dc"], {
    stdin: "pipe",
    stdout: "pipe",
    env: plainEnvironment(),
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
    if (!finished) child.kill();
    await child.ended;
    await fed;
  }
  if (failure !== undefined) throw failure;
  const { code, signal, said, failure: unstarted } = await child.ended;
  if (unstarted !== undefined) throw unstarted;
  if (code === null) throw new BuildError([brokenProgram(program, `${signal} ended it`)]);
  if (/memory|cannot allocate/i.test(said)) throw new BuildError([brokenProgram(program, said)]);
  if (code !== 0) throw new BuildError([damaged(label, said || `${program} ended with ${code}`)]);
}
