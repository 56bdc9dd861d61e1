/** A snapshot as one file, for people and other builds: packed and opened by the same rules. */
import { mkdir, rm, stat } from "node:fs/promises";
import { join, resolve } from "node:path";
import { BuildError, hasCode } from "@tsbake/base";
import { type Compression, packTree, unpackTar } from "@tsbake/archive";
import * as problems from "../problems.js";

/** Values of IMAGE_FSTYPES_PKGDBFS. */
const COMPRESSIONS: Readonly<Record<string, Compression>> = {
  tar: "none",
  "tar.gz": "gzip",
  "tar.xz": "xz",
  "tar.zst": "zstd",
};

export const SNAPSHOT_TYPES: readonly string[] = Object.keys(COMPRESSIONS);

/**
 * Packs a snapshot folder; same snapshot, same bytes.
 *
 * @throws BuildError `image/unknown-type`, `archive/no-program`
 */
export async function packSnapshot(
  folder: string,
  type: string,
  output: string,
  epochSeconds: number,
): Promise<void> {
  const compression = Object.hasOwn(COMPRESSIONS, type) ? COMPRESSIONS[type] : undefined;
  if (compression === undefined) throw new BuildError([problems.unknownType(type, SNAPSHOT_TYPES)]);
  await packTree(folder, output, { epochSeconds, numericOwner: "root", compression });
}

/**
 * The folder of a snapshot given as folder or as archive of any type, which its first bytes tell.
 *
 * @param work a folder to unpack an archive in
 * @throws BuildError `image/bad-snapshot`, `archive/…` for a damaged or hostile archive
 */
export async function snapshotFolder(path: string, work: string): Promise<string> {
  const found = await stat(path).catch((error: unknown) => {
    if (hasCode(error, "ENOENT", "ENOTDIR"))
      throw new BuildError([problems.badSnapshot(path, "it is not there")]);
    throw error;
  });
  if (found.isDirectory()) return resolve(path);
  const folder = join(work, "base-pkgdb");
  await rm(folder, { recursive: true, force: true });
  await mkdir(folder, { recursive: true });
  await unpackTar(path, folder, { label: path, owner: "self" });
  return folder;
}
