/** do_rootfs of a base: every package from nothing. */
import { lstat, readFile, rm } from "node:fs/promises";
import { join } from "node:path";
import { hasCode } from "@tsbake/base";
import { packageLines } from "@tsbake/packaging";
import { insideRoot, openCage } from "@tsbake/sandbox";
import type { LayerFacts } from "../facts/facts.js";
import { formatFileManifest } from "../facts/file-manifest.js";
import { ownersOf, packImageTree } from "../formats/tree.js";
import { inspectTar } from "../check/inspect/inspect.js";
import { tmpfilesOf } from "../layer/tmpfiles.js";
import { parseOsRelease } from "../snapshot/os-release.js";
import { DATABASE_FOLDER, clearSnapshot, writeSnapshot } from "../snapshot/snapshot.js";
import { emptyRoot, offerOf, solveRequest, sourceFolders } from "./offer.js";
import { EXTENSION_UNITS } from "./extension-units.js";
import type { BaseOptions } from "./options.js";
import { keysOfBase, layerFacts, packRequest, SNAPSHOT_FOLDER, writeFacts } from "./results.js";

/**
 * A whole root: every package installed and configured by the real package manager, packed with its manifest, and the
 * snapshot that extensions are built on.
 *
 * @throws BuildError of the package backend; `image/format-failed`
 */
export async function installBase(options: BaseOptions): Promise<LayerFacts> {
  const { backend } = options;
  const root = await emptyRoot(options);
  const snapshot = join(options.output, SNAPSHOT_FOLDER);
  const { sources, fetch } = await offerOf(options);
  await using sandbox = await openCage({
    writable: [root],
    readable: [...sourceFolders(sources), ...((await backend.toolFolders?.()) ?? [])],
  });
  const result = await backend.install({
    ...solveRequest(options, sources),
    root,
    sandbox,
    fetch,
    extra: ({ packages }) =>
      options.features.includes("sysext") && packages.some(({ name }) => name === "systemd")
        ? EXTENSION_UNITS
        : [],
  });
  await clearSnapshot(snapshot);
  const identity = await backend.snapshot(root, join(snapshot, DATABASE_FOLDER));
  options.onProgress("packing");
  const target = packRequest(options, sandbox, root);
  const entries = await packImageTree({
    ...target,
    owners: (all) => ownersOf(result.database, all),
    keys: keysOfBase(options, result.database, root),
  });
  await writeSnapshot(snapshot, identity, {
    distro: options.distro,
    files: formatFileManifest(entries),
    inspected: await inspectTar(target.output, entries),
    tmpfiles: await tmpfilesOf(root),
    osRelease: await osReleaseOf(root),
  });
  const osRelease = parseOsRelease(await osReleaseOf(root), "os-release of the image");
  const about = { options, sources, osRelease, databaseDigest: identity.digest };
  const facts = layerFacts(result, result.database, about);
  await writeFacts(options.output, facts, packageLines(result.database));
  await sandbox.close();
  await rm(root, { recursive: true, force: true });
  return facts;
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
