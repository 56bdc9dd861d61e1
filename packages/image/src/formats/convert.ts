/** The tree of an image as one output: a file system, an archive or a folder; same tree, same bytes. */
import { createReadStream } from "node:fs";
import { mkdir, open, constants, copyFile, rm } from "node:fs/promises";
import { dirname, resolve } from "node:path";
import { createWriteStream } from "node:fs";
import { pipeline } from "node:stream/promises";
import { createGzip } from "node:zlib";
import { BuildError, copyPlain, run } from "@tsbake/base";
import { openSandbox } from "@tsbake/sandbox";
import * as problems from "../problems.js";
import { toDdi, type DiskOptions } from "./disk/ddi.js";
import { toErofs } from "./disk/erofs.js";
import { toExt4 } from "./disk/ext4.js";
import { hasHoles } from "./holes.js";
import { programOn } from "./tools.js";
import { unpackTree } from "./tree.js";

export interface ConvertOptions {
  /** The tree's tar. */
  readonly tree: string;
  /** File, or folder for type `directory`. */
  readonly output: string;
  readonly epochSeconds: number;
  /** A folder to work in. */
  readonly work: string;
  /** Further arguments of the tool that makes the format. */
  readonly extra: readonly string[];
  /** Of type `ddi`. */
  readonly disk?: DiskOptions;
}

type Converter = (options: ConvertOptions) => Promise<void>;

const CONVERTERS: Readonly<Record<string, Converter>> = {
  ddi: toDisk,
  directory: toDirectory,
  erofs: toErofs,
  ext4: toExt4,
  squashfs: toSquashfs,
  tar: toTar,
  "tar.gz": toGzip,
  "tar.xz": (options) => filter("xz", ["-T1", "-c", ...options.extra], options, "xz-native"),
  "tar.zst": (options) => filter("zstd", ["-q", "-T1", "-c", ...options.extra], options, "zstd-native"),
};

export const IMAGE_TYPES: readonly string[] = Object.keys(CONVERTERS);

/**
 * @throws BuildError `image/unknown-type`, `image/no-tool`, `image/format-failed`; of a ddi also as `toDdi`
 */
export async function convert(type: string, options: ConvertOptions): Promise<void> {
  const converter = Object.hasOwn(CONVERTERS, type) ? CONVERTERS[type] : undefined;
  if (converter === undefined) throw new BuildError([problems.unknownType(type, IMAGE_TYPES)]);
  await rm(options.output, { recursive: true, force: true });
  await mkdir(dirname(options.output), { recursive: true });
  try {
    await converter(options);
  } catch (error) {
    await rm(options.output, { recursive: true, force: true });
    throw error;
  }
}

function toDisk({ disk, ...options }: ConvertOptions): Promise<void> {
  if (disk === undefined) throw new Error("internal: a disk without its options");
  return toDdi(options, disk);
}

/**
 * Owners are real only for root: an ordinary user's folder belongs to that user, who then may read all of it. Else it could
 * not be packed for the shared state: systemd-sysusers gives /etc/gshadow no permission at all.
 */
async function toDirectory(options: ConvertOptions): Promise<void> {
  await using sandbox = await openSandbox();
  await unpackTree(options.tree, options.output, sandbox);
  if (!sandbox.isFake) return;
  const unreadable = [
    "(",
    "-type",
    "f",
    "!",
    "-perm",
    "-0400",
    "-o",
    "-type",
    "d",
    "!",
    "-perm",
    "-0500",
    ")",
  ];
  const change = ["-exec", "chmod", "u+rX", "--", "{}", "+"];
  const { code, stderr } = await sandbox.run("find", [resolve(options.output), ...unreadable, ...change], {
    mayFail: true,
  });
  if (code !== 0) throw new BuildError([problems.formatFailed("find", code, stderr)]);
}

/** What has holes keeps them. */
async function toTar({ tree, output }: ConvertOptions): Promise<void> {
  if (await hasHoles(tree)) return copyPlain(tree, output);
  return copyFile(tree, output, constants.COPYFILE_FICLONE);
}

async function toGzip(options: ConvertOptions): Promise<void> {
  await pipeline(createReadStream(options.tree), createGzip({ level: 6 }), createWriteStream(options.output));
}

/**
 * Straight from the tar. `sqfstar` would do the same, but in 4.5 it does not understand compressor options that have a
 * value. In a sandbox, since the root folder gets the id of whoever runs it: the tar's entry of the root is passed
 * over, and so is `-root-uid` with a tar.
 */
async function toSquashfs(options: ConvertOptions): Promise<void> {
  const tool = await programOn("mksquashfs", "squashfs-tools-native");
  // The variable alone sets the file system's own time and caps the files'; with -mkfs-time beside it the tool refuses.
  const env = { SOURCE_DATE_EPOCH: String(options.epochSeconds) };
  const root = ["-root-mode", "755", "-root-time", String(options.epochSeconds)];
  const flags = ["-tar", "-no-progress", "-quiet", ...root, ...options.extra];
  await using sandbox = await openSandbox();
  const command = [...FROM_FILE, resolve(options.tree), tool, "-", resolve(options.output), ...flags];
  const result = await sandbox.run("sh", command, { env, mayFail: true });
  if (result.code !== 0) {
    throw new BuildError([problems.formatFailed("mksquashfs", result.code, result.stderr || result.stdout)]);
  }
}

/** Arguments of sh: the first word after them is the file that the command behind it reads. */
const FROM_FILE = ["-c", 'exec 0<"$1"; shift; exec "$@"', "sh"];

async function filter(
  name: string,
  args: readonly string[],
  options: ConvertOptions,
  recipe: string,
): Promise<void> {
  const tool = await programOn(name, recipe);
  const output = await open(options.output, "w");
  try {
    const result = await run(
      "sh",
      ["-c", 'exec 0<"$1"; shift; exec "$@"', "sh", options.tree, tool, ...args],
      {
        stdoutFd: output.fd,
        mayFail: true,
      },
    );
    if (result.code !== 0) throw new BuildError([problems.formatFailed(name, result.code, result.stderr)]);
  } finally {
    await output.close();
  }
}
