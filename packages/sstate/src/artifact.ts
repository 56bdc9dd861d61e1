/** A task's output folders ⇄ one artifact. */
import { cp, mkdir, readdir, realpath, rename } from "node:fs/promises";
import { basename, dirname, join, resolve } from "node:path";
import { bestCompression, packTrees, unpackTar } from "@tsbake/archive";
import {
  eachLimited,
  AT_ONCE,
  BuildError,
  byText,
  hasCode,
  makeFolder,
  removeTree,
  run,
  scratchFolder,
} from "@tsbake/base";
import { foreignContent, type FoundContent } from "./problems.js";

/** Folders to pack: `name` is the folder's name inside the artifact. */
export interface ArtifactFolder {
  /** One path component. */
  readonly name: string;
  readonly path: string;
}

/** Restoring is what is waited for, packing is not the bottleneck: the quick levels. */
const LEVELS = { zstd: 3, gzip: 1 } as const;

/**
 * Packs folders into a reproducible tar (sorted, mtimes clamped to `epochSeconds`, numeric owners, xattrs), zstd when
 * available, else gzip; hard links inside and between them are kept. A folder that is not there counts as an empty one.
 *
 * @param out appears whole or not at all
 * @param onSocket told of each socket: as with tar, they are left out
 * @throws BuildError `archive/pack-failed`
 */
export async function packArtifact(
  folders: readonly ArtifactFolder[],
  out: string,
  epochSeconds: number,
  onSocket?: (path: string) => void,
): Promise<void> {
  checkNames(folders);
  for (const { path } of folders) await makeFolder(path);
  // Of a declared folder that is a link, the folder behind it is the output, as for whoever installs it.
  const real = await eachLimited(folders, AT_ONCE, async ({ name, path }) => ({
    prefix: name,
    path: await realpath(path),
  }));
  const compression = await bestCompression();
  // An ordinary user's files cannot but be his own: in the artifact they are root's, as if root had built it.
  const numericOwner = process.getuid?.() === 0 ? "keep" : "root";
  await packTrees(real, out, {
    epochSeconds,
    compression,
    level: LEVELS[compression],
    onSocket,
    numericOwner,
  });
}

/**
 * Unpacks into the given folders, whose content is replaced as a whole: until all of it is there, they stay as they are.
 *
 * @throws BuildError `archive/…` for a damaged or hostile artifact, `sstate/foreign-content` for one with other folders
 */
export async function unpackArtifact(archive: string, folders: readonly ArtifactFolder[]): Promise<void> {
  checkNames(folders);
  const first = folders[0];
  const beside = first ? dirname(resolve(first.path)) : dirname(resolve(archive));
  await makeFolder(beside);
  const temporary = await scratchFolder(join(beside, ".tsbake-restore-"));
  try {
    await unpackTar(archive, join(temporary, "new"), { owner: "keep", allowDevices: true });
    await checkTop(archive, join(temporary, "new"), folders);
    await mkdir(join(temporary, "old"));
    for (const { name, path } of folders) {
      await replace(resolve(path), join(temporary, "new", name), join(temporary, "old", name));
    }
  } finally {
    await removeTree(temporary);
  }
}

/**
 * What is at the top is a folder for each that was declared, and nothing else. A link there would have whoever installs
 * read what it leads to, anywhere on this machine.
 */
async function checkTop(archive: string, top: string, folders: readonly ArtifactFolder[]): Promise<void> {
  const found = (await readdir(top, { withFileTypes: true }))
    .map((one): FoundContent => ({
      name: one.name,
      kind: one.isDirectory() ? "folder" : one.isSymbolicLink() ? "link" : "file",
    }))
    .sort((left, right) => byText(left.name, right.name));
  const expected = folders.map(({ name }) => name).sort(byText);
  const isAsDeclared =
    found.length === expected.length &&
    found.every(({ name, kind }, at) => name === expected[at] && kind === "folder");
  if (!isAsDeclared) throw new BuildError([foreignContent(archive, expected, found)]);
}

/** `path` becomes what `fresh` is; what it was goes to `old`, to be deleted. */
async function replace(path: string, fresh: string, old: string): Promise<void> {
  await makeFolder(dirname(path));
  try {
    await rename(path, old);
  } catch (error) {
    if (hasCode(error, "EXDEV")) await removeTree(path);
    else if (!hasCode(error, "ENOENT")) throw error;
  }
  try {
    await rename(fresh, path);
  } catch (error) {
    if (!hasCode(error, "EXDEV")) throw error;
    await copyTree(fresh, path);
  }
}

/** To another file system, with everything that a tree has. */
async function copyTree(from: string, to: string): Promise<void> {
  const { code } = await run("cp", ["-a", "--", from, to], { mayFail: true });
  if (code !== 0) await cp(from, to, { recursive: true, preserveTimestamps: true, verbatimSymlinks: true });
}

function checkNames(folders: readonly ArtifactFolder[]): void {
  const names = new Set(folders.map(({ name }) => name));
  const isGood = folders.every(({ name }) => name === basename(name) && !["", ".", ".."].includes(name));
  if (!isGood || names.size !== folders.length) {
    throw new Error(`internal: bad folder names for an artifact: ${[...names].join(", ")}`);
  }
}
