/** What do_rootfs of a whole image leaves: the tree with its manifest, the snapshot that extensions are built on, facts. */
import { lstat, readFile } from "node:fs/promises";
import { join } from "node:path";
import type { FileEntry } from "@tsbake/archive";
import { hasCode } from "@tsbake/base";
import { type InstallResult, packageLines, type PackageSource } from "@tsbake/packaging";
import { insideRoot, type Cage } from "@tsbake/sandbox";
import { inspectTar } from "../check/inspect/inspect.js";
import type { LayerFacts } from "../facts/facts.js";
import { formatFileManifest } from "../facts/file-manifest.js";
import { ownersOf, packImageTree } from "../formats/tree.js";
import { tmpfilesOf } from "../layer/tmpfiles.js";
import { parseOsRelease } from "../snapshot/os-release.js";
import { clearSnapshot, DATABASE_FOLDER, writeSnapshot } from "../snapshot/snapshot.js";
import type { InstallOptions } from "./options.js";
import { type About, keysOfBase, layerFacts, packRequest, SNAPSHOT_FOLDER, writeFacts } from "./results.js";

export interface WholeTree {
  readonly sandbox: Cage;
  readonly root: string;
  /** Where this process finds the root. */
  readonly seenRoot: string;
  readonly result: InstallResult;
  readonly sources: readonly PackageSource[];
  /** What is known of packages that did not come now. */
  readonly known?: About["known"];
  /** Whether a path is known to be without a private key of a device. */
  readonly isKnown?: (entry: FileEntry) => boolean;
}

/**
 * Packs a root in which all packages are installed.
 *
 * @param more facts that depend on what was packed
 * @throws BuildError `image/format-failed`, `image/private-key`, `packaging/bad-database`
 */
export async function packWhole(
  options: InstallOptions,
  { sandbox, root, seenRoot, result, sources, known, isKnown }: WholeTree,
  more: (entries: readonly FileEntry[]) => Promise<Partial<LayerFacts>> = async () => ({}),
): Promise<LayerFacts> {
  const { backend } = options;
  const { database } = result;
  const snapshot = join(options.output, SNAPSHOT_FOLDER);
  await clearSnapshot(snapshot);
  const identity = await backend.snapshot(seenRoot, join(snapshot, DATABASE_FOLDER));
  options.onProgress("packing");
  const target = packRequest(options, sandbox, root);
  const keys = keysOfBase(options, database, seenRoot);
  const entries = await packImageTree({
    ...target,
    owners: (all) => ownersOf(database, all),
    keys: isKnown ? { ...keys, isShipped: (entry) => keys.isShipped(entry) || isKnown(entry) } : keys,
  });
  const osRelease = await osReleaseOf(seenRoot);
  await writeSnapshot(snapshot, identity, {
    distro: options.distro,
    files: formatFileManifest(entries),
    inspected: await inspectTar(target.output, entries),
    tmpfiles: await tmpfilesOf(seenRoot),
    osRelease,
  });
  const facts = layerFacts({ ...result, added: database.packages }, database, {
    options,
    sources,
    osRelease: parseOsRelease(osRelease, "os-release of the image"),
    databaseDigest: identity.digest,
    ...(known && { known }),
  });
  const all = { ...facts, ...(await more(entries)) };
  await writeFacts(options.output, all, packageLines(database));
  return all;
}

/** @returns "" for a root without one */
async function osReleaseOf(root: string): Promise<string> {
  const path = await insideRoot(root).follow("usr/lib/os-release");
  try {
    return (await lstat(path)).isFile() ? await readFile(path, "utf8") : "";
  } catch (error) {
    if (hasCode(error, "ENOENT", "ENOTDIR")) return "";
    throw error;
  }
}
