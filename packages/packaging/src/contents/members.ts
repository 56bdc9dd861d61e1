/**
 * The control or data members of many packages, decompressed side by side. One xz for each processor reads one package after the
 * other, and gzip is read here: a process for each package costs more than its work.
 */
import { closeSync, createReadStream, fstatSync, openSync, writeSync } from "node:fs";
import { availableParallelism } from "node:os";
import { open } from "node:fs/promises";
import { basename, join } from "node:path";
import { pipeline } from "node:stream/promises";
import { createGunzip } from "node:zlib";
import {
  type ArMember,
  compressionOfBytes,
  decompress,
  hasProgram,
  type ContentPlace,
  plainEnvironment,
  readAr,
  readTar,
  xzPlainBytes,
} from "@tsbake/archive";
import {
  AT_ONCE,
  BuildError,
  eachLimited,
  hasCode,
  ifThere,
  messageOf,
  needSpace,
  openChild,
} from "@tsbake/base";
import { badDeb, noApt } from "../problems.js";

export type MemberKind = "control" | "data";

/** A member's plain bytes in a file. */
export interface PlainMember extends ContentPlace {
  readonly sizeBytes: number;
}

/** Plain bytes in files that are closed, and of which the disk is free, when the block is left. */
export class PlainMembers implements Disposable {
  readonly #open: number[] = [];

  /** A file that only its number leads to. @param path where it is for a moment */
  file(path: string): number {
    const fd = openSync(path, "wx+", 0o600);
    this.#open.push(fd);
    return fd;
  }

  [Symbol.dispose](): void {
    for (const fd of this.#open.splice(0)) closeSync(fd);
  }
}

/** Control members are small; more than this is no package. */
const LIMITS: Readonly<Record<MemberKind, number>> = { control: 64 << 20, data: Number.POSITIVE_INFINITY };

const DPKG_DEB: Readonly<Record<MemberKind, string>> = { control: "--ctrl-tarfile", data: "--fsys-tarfile" };

type Form = "xz" | "gzip";

interface Packed {
  /** Of the package, in the order asked for. */
  readonly at: number;
  readonly path: string;
  readonly member: ArMember;
  readonly form: Form;
  /** Of gzip, which does not say it, 0. */
  readonly plainBytes: number;
}

/**
 * @param paths package files
 * @param files holds the plain bytes
 * @param scratch a folder, where those files are for a moment
 * @returns in the order of `paths`
 * @throws BuildError `packaging/bad-deb`; as `needSpace`
 */
export async function plainMembers(
  kind: MemberKind,
  paths: readonly string[],
  files: PlainMembers,
  scratch: string,
): Promise<PlainMember[]> {
  const found: PlainMember[] = [];
  const hasXz = await hasProgram("xz");
  const all = await eachLimited([...paths.entries()], AT_ONCE, ([at, path]) => packedMember(kind, path, at));
  const packed = all.flatMap((one) => one ?? []);
  const plainBytes = packed.reduce((sum, one) => sum + one.plainBytes, 0);
  needSpace(
    scratch,
    plainBytes,
    `decompressing ${packed.length} ${packed.length === 1 ? "package" : "packages"}`,
  );
  const lanes = lanesOf(hasXz ? packed.filter(({ form }) => form === "xz") : []);
  const laneWork = eachLimited([...lanes.entries()], lanes.length, async ([number, lane]) => {
    const fd = files.file(join(scratch, `${kind}-${number}`));
    if (!(await unxz(lane, fd))) return;
    let at = 0;
    for (const one of lane) {
      found[one.at] = { fd, at, sizeBytes: one.plainBytes };
      at += one.plainBytes;
    }
  });
  const zipped = packed.filter(({ form }) => form === "gzip");
  const zipWork = eachLimited(zipped, availableParallelism(), async (one) => {
    const fd = files.file(join(scratch, `${kind}-of-${one.at}`));
    if (await gunzip(one, fd, LIMITS[kind])) found[one.at] = { fd, at: 0, sizeBytes: fstatSync(fd).size };
  });
  await Promise.all([laneWork, zipWork]);
  const rest = [...paths.entries()].filter(([at]) => found[at] === undefined);
  await eachLimited(rest, availableParallelism(), async ([at, path]) => {
    const fd = files.file(join(scratch, `${kind}-of-other-form-${at}`));
    if (path.endsWith(".ipk") && (await isGzip(path))) await ofTar(kind, path, fd);
    else await byDpkgDeb(kind, path, fd);
    found[at] = { fd, at: 0, sizeBytes: fstatSync(fd).size };
  });
  return found;
}

/** @returns undefined for what is neither one stream of xz nor gzip in a package of the usual form */
async function packedMember(kind: MemberKind, path: string, at: number): Promise<Packed | undefined> {
  try {
    const members = await readAr(path);
    const member = members.find(({ name }) => name.startsWith(`${kind}.tar`));
    if (members[0]?.name !== "debian-binary" || member === undefined) return undefined;
    if (member.name === `${kind}.tar.gz`) return { at, path, member, form: "gzip", plainBytes: 0 };
    if (member.name !== `${kind}.tar.xz`) return undefined;
    const fd = openSync(path, "r");
    try {
      const plainBytes = xzPlainBytes(fd, member.offset, member.sizeBytes);
      if (plainBytes === undefined || plainBytes > LIMITS[kind]) return undefined;
      return { at, path, member, form: "xz", plainBytes };
    } finally {
      closeSync(fd);
    }
  } catch (error) {
    // dpkg-deb says what is wrong with it.
    if (error instanceof BuildError || hasCode(error, "ENOENT")) return undefined;
    throw error;
  }
}

/** Each processor has about as much to do as the others. */
function lanesOf(packed: readonly Packed[]): Packed[][] {
  const lanes = Array.from({ length: Math.min(availableParallelism(), packed.length) }, () => ({
    bytes: 0,
    all: [] as Packed[],
  }));
  for (const one of packed.toSorted((left, right) => right.plainBytes - left.plainBytes)) {
    const lane = lanes.reduce((least, other) => (other.bytes < least.bytes ? other : least));
    lane.bytes += one.plainBytes;
    lane.all.push(one);
  }
  return lanes.map(({ all }) => all);
}

/** @returns whether the file holds all of them; xz has proved each index that their sizes are from */
async function unxz(lane: readonly Packed[], fd: number): Promise<boolean> {
  await using child = openChild("xz", ["-q", "-dc"], { stdin: "pipe", stdout: fd, env: plainEnvironment() });
  try {
    await pipeline(packedPieces(lane), child.stdin);
  } catch (error) {
    // One that ends early says so by its exit code, and a package that is gone is dpkg-deb's to tell.
    if (!hasCode(error, "ENOENT", "EPIPE", "ERR_STREAM_PREMATURE_CLOSE", "ERR_STREAM_DESTROYED")) throw error;
    return false;
  }
  const { code } = await child.ended;
  return code === 0 && fstatSync(fd).size === lane.reduce((sum, { plainBytes }) => sum + plainBytes, 0);
}

async function* packedPieces(lane: readonly Packed[]): AsyncGenerator<Buffer> {
  for (const { path, member } of lane) {
    const end = member.offset + member.sizeBytes - 1;
    for await (const piece of createReadStream(path, { start: member.offset, end, highWaterMark: 1 << 18 }))
      yield piece as Buffer;
  }
}

/** @returns whether it was whole */
async function gunzip({ path, member }: Packed, fd: number, limit: number): Promise<boolean> {
  const end = member.offset + member.sizeBytes - 1;
  if (end < member.offset) return false;
  try {
    await pipeline(
      createReadStream(path, { start: member.offset, end, highWaterMark: 1 << 18 }),
      createGunzip({ chunkSize: 1 << 18 }),
      (pieces) => writeAll(pieces as AsyncIterable<Buffer>, fd, path, limit),
    );
    return true;
  } catch (error) {
    // dpkg-deb says what is wrong with it.
    if (hasCode(error, "Z_DATA_ERROR", "Z_BUF_ERROR", "Z_NEED_DICT")) return false;
    throw error;
  }
}

/** @throws BuildError `packaging/bad-deb` for more than `limit` bytes */
async function writeAll(
  pieces: AsyncIterable<Buffer>,
  fd: number,
  path: string,
  limit: number,
): Promise<void> {
  let at = 0;
  for await (const piece of pieces) {
    if (at + piece.length > limit) throw new BuildError([badDeb(path, "its control member is too big")]);
    for (let done = 0; done < piece.length;)
      done += writeSync(fd, piece, done, piece.length - done, at + done);
    at += piece.length;
  }
}

async function isGzip(path: string): Promise<boolean> {
  const file = await ifThere(open(path));
  if (file === undefined) return false;
  await using opened = file;
  const { bytesRead, buffer } = await opened.read(Buffer.alloc(2), 0, 2, 0);
  return compressionOfBytes(buffer.subarray(0, bytesRead)) === "gzip";
}

/** The old form of ipk, which ipkg-build and OpenWrt write: a compressed tar of the same members. @throws BuildError `packaging/bad-deb`, `archive/…` */
async function ofTar(kind: MemberKind, path: string, fd: number): Promise<void> {
  let isThere = false;
  try {
    // To its end: a package that is cut short is none, wherever its members lie.
    for await (const entry of readTar(path)) {
      if (entry.type !== "file" || !basename(entry.path).startsWith(`${kind}.tar`)) continue;
      if (isThere) throw new BuildError([badDeb(path, `it has two ${kind}.tar members`)]);
      await writeAll(decompress(entry.data, path), fd, path, LIMITS[kind]);
      isThere = true;
    }
  } catch (error) {
    // Of a stream that ends within a member, the member's reader knows nothing.
    if (messageOf(error) === "Stream was destroyed")
      throw new BuildError([badDeb(path, "it ends too early")], { cause: error });
    throw error;
  }
  if (!isThere) throw new BuildError([badDeb(path, `it has no ${kind}.tar member`)]);
}

async function byDpkgDeb(kind: MemberKind, path: string, fd: number): Promise<void> {
  await using child = openChild("dpkg-deb", [DPKG_DEB[kind], path], { stdout: "pipe" });
  await writeAll(child.stdout as AsyncIterable<Buffer>, fd, path, LIMITS[kind]);
  const { code, signal, said, failure } = await child.ended;
  if (hasCode(failure, "ENOENT")) throw new BuildError([noApt("dpkg-deb")]);
  if (failure !== undefined) throw failure;
  if (code !== 0) throw new BuildError([badDeb(path, said || `dpkg-deb ended with ${code ?? signal}`)]);
}
