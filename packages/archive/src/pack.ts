/**
 * A tree → the same tar, whenever and wherever it is packed.
 *
 * The tree is read by the system's tar: only it sees extended attributes (file capabilities live there; Node has no
 * call for them), and it is faster: 614 MB in 40,000 entries took it 1.7 s, tar-stream fed from node:fs 2.3 s, and
 * back again 3.2 s against 4.0 s. tar-stream has the other half: it reads and judges archives (`scan.ts`, `tar.ts`)
 * and writes those that are made of bytes in memory. What is in the archive, under which name and in which order is
 * decided here, and given to tar as a list.
 */
import { mkdir, open, rename, rm, type FileHandle } from "node:fs/promises";
import { dirname, resolve } from "node:path";
import { Writable, type Readable } from "node:stream";
import { pipeline } from "node:stream/promises";
import { callbackify } from "node:util";
import { createGzip } from "node:zlib";
import { BuildError, codeOf, messageOf, temporaryBeside } from "@tsbake/base";
import { compressionOfName, demandProgram, type Compression } from "./compression.js";
import { packFailed } from "./problems.js";
import { sparseArguments } from "./sparse.js";
import { FOREIGN_ATTRIBUTES, openTar, tarError } from "./system-tar.js";
import { listTree, type ListOptions } from "./tree.js";

export interface PackOptions extends ListOptions {
  /** Modification times after this are set to it (seconds since 1970): SOURCE_DATE_EPOCH. */
  readonly epochSeconds: number;
  /** `root`: everything belongs to 0:0; `keep` (default): the numbers on disk. */
  readonly numericOwner?: "keep" | "root" | undefined;
  /** Default: by the name of the output file, `none` for a stream. */
  readonly compression?: Compression | undefined;
  /** Level of the compressor; default: 3 for zstd, 6 for gzip and xz. */
  readonly level?: number | undefined;
}

export interface PackFolder {
  readonly path: string;
  /** The folder's name in the archive; empty: its content stands at the top, itself as `./`. */
  readonly prefix: string;
}

/**
 * Packs one folder: sorted by path, times clamped, numeric owners, modes, links, hard links, devices and xattrs.
 * A file output appears whole (and synced) or not at all.
 *
 * @throws BuildError `archive/pack-failed`, `archive/device-entry`, `archive/no-program`
 */
export function packTree(
  root: string,
  out: Writable | string,
  options: PackOptions & { readonly prefix?: string },
): Promise<void> {
  return packTrees([{ path: root, prefix: options.prefix ?? "" }], out, options);
}

/** Packs several folders into one archive, each under its prefix; hard links between them are kept. */
export async function packTrees(
  folders: readonly PackFolder[],
  out: Writable | string,
  options: PackOptions,
): Promise<void> {
  if (typeof out !== "string") return pack(folders, out, options, options.compression ?? "none");
  const compression = options.compression ?? compressionOfName(out);
  await mkdir(dirname(out), { recursive: true });
  const temporary = temporaryBeside(out);
  try {
    const file = await open(temporary, "wx");
    try {
      await pack(folders, file, options, compression);
      await file.sync();
    } finally {
      await file.close();
    }
    await rename(temporary, out);
  } catch (error) {
    await rm(temporary, { force: true });
    throw error;
  }
}

async function pack(
  folders: readonly PackFolder[],
  out: Writable | FileHandle,
  options: PackOptions,
  compression: Compression,
): Promise<void> {
  const compressor = await compressorOf(compression, options.level);
  const { args, list } = planned(folders, options);
  const file = out instanceof Writable ? undefined : out;
  const isPiped = file === undefined || compression === "gzip";
  await using child = openTar([...compressor, ...args], {
    stdin: "pipe",
    stdout: isPiped ? "pipe" : file.fd,
  });
  child.stdin.end(list);
  if (isPiped) await drain(child.stdout, out, compression === "gzip" ? (options.level ?? 6) : undefined);
  const said = await tarError(child);
  if (said !== undefined) throw new BuildError([packFailed(namesOf(folders), said)]);
}

async function drain(
  tar: Readable,
  out: Writable | FileHandle,
  gzipLevel: number | undefined,
): Promise<void> {
  const sink = out instanceof Writable ? out : writerOf(out);
  // Node's gzip header has no time and no name, so the same bytes come out every time.
  if (gzipLevel === undefined) await pipeline(tar, sink);
  else await pipeline(tar, createGzip({ level: gzipLevel, chunkSize: 1 << 18 }), sink);
}

/**
 * A stream into a file that stays its owner's. Node's own would close the number when it is destroyed, whatever autoClose says;
 * the owner's close then hits nothing, or a file that has got the number since.
 */
function writerOf(file: FileHandle): Writable {
  const writeAll = async (piece: Buffer): Promise<void> => {
    for (let at = 0; at < piece.length;) at += (await file.write(piece, at)).bytesWritten;
  };
  const write = callbackify(writeAll);
  return new Writable({
    highWaterMark: 1 << 20,
    write: (piece: Buffer, _encoding, done) => write(piece, (error) => done(error)),
  });
}

async function compressorOf(compression: Compression, level: number | undefined): Promise<string[]> {
  if (compression === "none" || compression === "gzip") return [];
  await demandProgram(compression, "to compress an archive");
  // With threads zstd's output is the same for any number of them.
  if (compression === "zstd") return ["-I", `zstd -q -T0 -${level ?? 3}`];
  return ["-I", `${compression} -q -${level ?? 6}`];
}

function planned(folders: readonly PackFolder[], options: PackOptions): ReturnType<typeof plan> {
  try {
    return plan(folders, options);
  } catch (error) {
    if (codeOf(error) === undefined) throw error;
    throw new BuildError([packFailed(namesOf(folders), messageOf(error))], { cause: error });
  }
}

function namesOf(folders: readonly PackFolder[]): string {
  return folders.map(({ path }) => path).join(", ");
}

/** tar's arguments, and the list of names that it gets on its standard input. */
function plan(folders: readonly PackFolder[], options: PackOptions): { args: string[]; list: Buffer } {
  const args = [
    "-c",
    "-f",
    "-",
    "--format=posix",
    "--pax-option=exthdr.name=%d/PaxHeaders/%f,delete=atime,delete=ctime,delete=mtime",
    `--mtime=@${options.epochSeconds}`,
    "--clamp-mtime",
    "--numeric-owner",
    "--no-recursion",
    "--xattrs",
    "--xattrs-include=*",
    ...FOREIGN_ATTRIBUTES.map((name) => `--xattrs-exclude=${name}`),
  ];
  if (options.numericOwner === "root") args.push("--owner=0", "--group=0");
  const names: string[] = [];
  const files: Buffer[] = [];
  const only = folders.length === 1 ? folders[0]! : undefined;
  for (const { path, prefix } of byLongestPath(folders)) {
    // Several folders are named from the top, since tar's renaming rules know names only, not where they came from.
    const place = only ? "." : `.${Buffer.from(resolve(path)).toString("latin1")}`;
    args.push(`--transform=flags=rSh;${renaming(place, prefix)}`);
    const listed = listTree(path, options);
    names.push(...listed.map(({ bytes }) => `${place}/${bytes}`), place);
    const start = Buffer.from(`${path}/`);
    for (const { bytes, type } of listed)
      if (type === "file") files.push(Buffer.concat([start, Buffer.from(bytes, "latin1")]));
  }
  if (!only) names.sort((left, right) => (left < right ? -1 : left > right ? 1 : 0));
  else names.unshift(names.pop()!);
  args.push(...sparseArguments(files));
  args.push("-C", only ? resolve(only.path) : "/", "--null", "-T", "-");
  return { args, list: Buffer.from(names.map((name) => `${name}\0`).join(""), "latin1") };
}

/** A folder inside another must be renamed first: afterwards its names no longer begin with the other's. */
function byLongestPath(folders: readonly PackFolder[]): PackFolder[] {
  return [...folders].sort((left, right) => resolve(right.path).length - resolve(left.path).length);
}

/** A sed command that turns names below `place` (latin1) into names below `prefix`. Links' targets stay. */
function renaming(place: string, prefix: string): string {
  const from = Buffer.from(place, "latin1")
    .toString("utf8")
    .replace(/[.[\]*^$\\,]/g, "\\$&");
  const to = prefix.replace(/[\\&,]/g, "\\$&");
  if (to === "") return `s,^${from}/\\(.\\),\\1,`;
  return `s,^${from}\\(/\\|$\\),${to}\\1,`;
}
