/** A tree as ext4, as small as it gets and without a journal: it is only ever read. */
import { truncate, writeFile } from "node:fs/promises";
import { resolve } from "node:path";
import { TarFile } from "@tsbake/archive";
import { BuildError, run, sha256, sha256File } from "@tsbake/base";
import * as problems from "../../problems.js";
import { programOn, uuidOf } from "../tools.js";
import type { FileSystemOptions } from "./erofs.js";

const BLOCK_BYTES = 4096;
/** Big enough for capabilities beside the inode's own fields. */
const INODE_BYTES = 256;
/** Inodes that the file system has for itself, `lost+found`, and some to spare. */
const SPARE_INODES = 64;
const SPARE_BYTES = 32 << 20;

/** All that a kernel of these years has for files that are read, whatever mke2fs.conf(5) of this machine says. */
const FEATURES = [
  "none",
  "dir_index",
  "dir_nlink",
  "ext_attr",
  "extent",
  "extra_isize",
  "filetype",
  "huge_file",
  "large_file",
  "metadata_csum",
  "sparse_super",
  "64bit",
];

/**
 * Straight from the tar, with its owners and attributes: that takes e2fsprogs 1.47.1, and so does one time for all.
 *
 * @throws BuildError `image/no-tool`, `image/format-failed`
 * @see mke2fs(8), options -d, -E and -O; SOURCE_DATE_EPOCH
 */
export async function toExt4(options: FileSystemOptions): Promise<void> {
  const make = await programOn("mke2fs", "systemd-tools-native");
  const shrink = await programOn("resize2fs", "systemd-tools-native");
  const { inodes, bytes } = sizeOf(options.tree);
  const digest = await sha256File(options.tree);
  const output = resolve(options.output);
  // Holes: what is not needed goes when it is made smaller.
  await writeFile(output, "");
  await truncate(output, bytes);
  const extended = [
    `hash_seed=${uuidOf(sha256(`ext4 hash seed\n${digest}`))}`,
    "lazy_itable_init=0",
    "nodiscard",
    "root_owner=0:0",
  ];
  const sizes = ["-b", String(BLOCK_BYTES), "-I", String(INODE_BYTES), "-N", String(inodes), "-m", "0"];
  const kind = ["-t", "ext4", "-O", FEATURES.join(","), "-U", uuidOf(digest), "-E", extended.join(",")];
  const args = ["-q", "-F", ...kind, ...sizes, "-d", resolve(options.tree)];
  await tool("mke2fs", make, [...args, ...options.extra, output], options.epochSeconds);
  await tool("resize2fs", shrink, ["-M", output], options.epochSeconds);
}

/** More than the file system takes at most. */
function sizeOf(tree: string): { readonly inodes: number; readonly bytes: number } {
  using tar = new TarFile(tree);
  let inodes = SPARE_INODES;
  let blocks = 0;
  for (const { entry } of tar.members(false)) {
    inodes += 1;
    // A block of content more, one for attributes, one for the tree of extents of a large file or an index of a folder.
    blocks += Math.ceil(entry.sizeBytes / BLOCK_BYTES) + 3;
  }
  const bytes = blocks * BLOCK_BYTES + inodes * INODE_BYTES;
  return { inodes, bytes: Math.ceil((bytes * 1.1 + SPARE_BYTES) / BLOCK_BYTES) * BLOCK_BYTES };
}

async function tool(
  name: string,
  path: string,
  args: readonly string[],
  epochSeconds: number,
): Promise<void> {
  const env = {
    ...process.env,
    LC_ALL: "C.UTF-8",
    MKE2FS_CONFIG: "/dev/null",
    SOURCE_DATE_EPOCH: String(epochSeconds),
  };
  const { code, stdout, stderr } = await run(path, args, { env, mayFail: true });
  if (code !== 0) throw new BuildError([problems.formatFailed(name, code, stderr || stdout)]);
}
