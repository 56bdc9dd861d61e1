/** What a person names as an image: a folder, a tar of any compression, a squashfs or erofs, also in a disk image. Strangers' all of them. */
import { treeManifest, unpackTar, type FileEntry, type ManifestEntry } from "@tsbake/archive";
import { closeSync, constants, openSync, readSync } from "node:fs";
import { mkdir, open, rm, stat } from "node:fs/promises";
import { join, resolve } from "node:path";
import { BuildError, hasCode, nameBytes, run, type RunResult } from "@tsbake/base";
import { openCage } from "@tsbake/sandbox";
import { copyPartition, partitionPlaces } from "./disk.js";
import { ContentTree } from "../inspect/tree.js";
import * as problems from "../../problems.js";

/** An image as a folder of this machine. */
export interface OpenedImage {
  readonly folder: string;
  /** Whether the folder has the owners of the image. */
  readonly keepsOwners: boolean;
}

type FileSystem = "squashfs" | "erofs";
type Kind = FileSystem | "ext4" | "gpt" | "tar";

/** Magic numbers: squashfs at 0, GPT's header in the second sector, erofs' superblock at 1024, in that of ext4 at 56. */
const MAGIC: readonly (readonly [kind: Kind, at: number, bytes: Buffer])[] = [
  ["squashfs", 0, Buffer.from("hsqs")],
  ["gpt", 512, Buffer.from("EFI PART")],
  ["erofs", 1024, Buffer.from([0xe2, 0xe1, 0xf5, 0xe0])],
  ["ext4", 1080, Buffer.from([0x53, 0xef])],
];

const HEAD_BYTES = 1082;

/**
 * @param scratch an empty folder that is the caller's to remove
 * @throws BuildError `image/no-image`, `image/no-tool`, `image/format-failed`, `archive/…` for a damaged or hostile archive
 */
export async function openImage(path: string, scratch: string): Promise<OpenedImage> {
  const found = await stat(path).catch((error: unknown) => {
    if (hasCode(error, "ENOENT", "ENOTDIR"))
      throw new BuildError([problems.noImage(path, "it is not there")]);
    throw error;
  });
  // An ordinary user who made it could give it no owners.
  if (found.isDirectory()) return { folder: resolve(path), keepsOwners: found.uid === 0 };
  if (!found.isFile()) throw new BuildError([problems.noImage(path, "it is neither a file nor a folder")]);
  const folder = join(scratch, "tree");
  await mkdir(scratch, { recursive: true });
  const isRoot = process.getuid?.() === 0;
  const kind = await kindOf(path);
  if (kind === "tar") await unpackTar(path, folder, { owner: isRoot ? "keep" : "self" });
  else if (kind === "gpt") await extractPartition(path, folder, isRoot);
  else if (kind === "ext4")
    throw new BuildError([
      problems.noImage(path, "it is an ext4, which takes a mount to look into; give another type of it"),
    ]);
  else await extract(kind, resolve(path), folder, isRoot);
  return { folder, keepsOwners: isRoot };
}

/** Of the first partition that is one of our file systems. Whether its dm-verity tree fits is not looked at. */
async function extractPartition(path: string, folder: string, isRoot: boolean): Promise<void> {
  const content = join(folder, "..", "partition");
  for (const place of await partitionPlaces(path)) {
    const kind = await kindOf(path, place.at);
    if (kind !== "squashfs" && kind !== "erofs") continue;
    await copyPartition(path, place, content);
    await extract(kind, resolve(content), folder, isRoot);
    await rm(content);
    return;
  }
  throw new BuildError([
    problems.noImage(path, "it is a disk, and none of its partitions is a squashfs or erofs"),
  ]);
}

/** @param at where it begins in the file */
async function kindOf(path: string, at = 0): Promise<Kind> {
  const file = await open(path);
  try {
    const { buffer, bytesRead } = await file.read(Buffer.alloc(HEAD_BYTES), 0, HEAD_BYTES, at);
    const head = buffer.subarray(0, bytesRead);
    const [kind = "tar"] =
      MAGIC.find(([, at, bytes]) => head.subarray(at, at + bytes.length).equals(bytes)) ?? [];
    return kind;
  } finally {
    await file.close();
  }
}

/** As root in a cage, where a program that an image deceives can do no harm. */
async function extract(kind: FileSystem, path: string, folder: string, isRoot: boolean): Promise<void> {
  const [tool, recipe, args] =
    kind === "squashfs"
      ? ["unsquashfs", "squashfs-tools", ["-no-progress", "-no-xattrs", "-dest", folder, path]]
      : ["fsck.erofs", "erofs-utils", [`--extract=${folder}`, path]];
  const result = isRoot ? await inCage(tool, args, path, folder) : await outside(tool, args);
  if (result.code === 0) return;
  if (result.code === 127 || /No such file or directory/.test(result.stderr))
    throw new BuildError([problems.noReader(path, tool, recipe)]);
  throw new BuildError([problems.formatFailed(tool, result.code, result.stderr || result.stdout)]);
}

async function inCage(
  tool: string,
  args: readonly string[],
  path: string,
  folder: string,
): Promise<RunResult> {
  const scratch = resolve(folder, "..");
  await using cage = await openCage({ writable: [scratch], readable: [resolve(path, "..")] });
  return await cage.run(tool, args, { mayFail: true });
}

async function outside(tool: string, args: readonly string[]): Promise<RunResult> {
  try {
    return await run(tool, args, { mayFail: true });
  } catch (error) {
    if (hasCode(error, "ENOENT")) return { code: 127, signal: null, stdout: "", stderr: "" };
    throw error;
  }
}

/** What a running system mounts, where the folder is the root of one. */
const MOUNTED = /^\/?(proc|sys|dev|run|tmp)\//;

/** A folder of this machine as a tree; no link in it is followed. @throws system errors of reading */
export async function folderTree(folder: string): Promise<ContentTree> {
  const include = (path: string): boolean => !MOUNTED.test(path);
  const entries = (await treeManifest(folder, { include })).map(entryOf);
  return new ContentTree(entries, (path, at, size) => readPiece(join(folder, path), at, size));
}

const KINDS = {
  file: "file",
  folder: "directory",
  link: "symlink",
  "character-device": "character",
  "block-device": "block",
  fifo: "fifo",
} as const;

function entryOf({ path, type, mode, uid, gid, sizeBytes, sha256, target }: ManifestEntry): FileEntry {
  return {
    path: `/${path.replace(/^\/+/, "")}`,
    kind: KINDS[type],
    mode,
    uid,
    gid,
    sizeBytes,
    ...(sha256 === undefined ? {} : { sha256 }),
    ...(target === undefined ? {} : { target }),
  };
}

function readPiece(path: string, at: number, size: number): Buffer {
  const fd = openSync(nameBytes(path), constants.O_RDONLY | constants.O_NOFOLLOW | constants.O_NONBLOCK);
  try {
    const bytes = Buffer.alloc(size);
    return bytes.subarray(0, readSync(fd, bytes, 0, size, at));
  } finally {
    closeSync(fd);
  }
}
