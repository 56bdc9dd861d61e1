/**
 * do_rootfs of an extension whose maintainer scripts run: packages are installed on the base's whole tree, as apt would on
 * the device, and what is another one afterwards is the layer.
 */
import { type FileEntry, inTarOrder, TarFile, TarWriter } from "@tsbake/archive";
import { rm, writeFile } from "node:fs/promises";
import { dirname, join, resolve } from "node:path";
import { BuildError } from "@tsbake/base";
import type { PackageDatabase, PackageSource, Solution } from "@tsbake/packaging";
import type { LayerFacts } from "../facts/facts.js";
import { FileIndex, formatFileManifest } from "../facts/file-manifest.js";
import { ownersOf, packImageTree } from "../formats/tree.js";
import { unpackBase } from "./base-tree.js";
import { changedPaths, markTree } from "./changed-paths.js";
import { emptyRoot, installCage, solveRequest } from "./offer.js";
import type { LayerOptions } from "./options.js";
import { keysOfBase, layerFacts, packRequest, writeLayer } from "./results.js";
import { isAlternative } from "../layer/alternatives.js";
import { sameContent } from "../layer/same-content.js";
import * as problems from "../problems.js";
import { type Snapshot, snapshotFiles } from "../snapshot/snapshot.js";
import { ACCOUNT_FILES, newAccounts, readAccounts } from "../layer/merged/accounts.js";
import { type StableIds, stableIds } from "../layer/merged/stable-ids.js";

export interface OnTreeOptions extends LayerOptions {
  readonly baseTree: string;
  readonly snapshot: Snapshot;
  /** What to install, its package files fetched; and what can be installed. */
  readonly solution: Solution;
  readonly sources: readonly PackageSource[];
}

/**
 * @throws BuildError `image/bad-snapshot`, `image/base-file-removed`, `packaging/base-changed`, `packaging/install-failed`, …
 */
export async function installOnTree(options: OnTreeOptions): Promise<LayerFacts> {
  const { backend, snapshot } = options;
  const inBase = new FileIndex(await snapshotFiles(snapshot));
  const root = await emptyRoot(options);
  const { solution, sources } = options;
  const baseTree = resolve(options.baseTree);
  // While the base is made ready.
  await using _contents = backend.openAhead?.(solution, root);
  await using sandbox = await installCage(options, root, sources, [dirname(baseTree)]);
  options.onProgress("unpacking the base");
  const { seenRoot, base } = await unpackBase({ baseTree, snapshot, backend, root, sandbox, solution });
  const unpacked = await markTree(sandbox, root);
  const before = await readAccounts(seenRoot);
  const result = await backend.installOnTree({
    ...solveRequest(options, sources),
    allowChanged: options.allowChanged,
    root,
    seenRoot,
    base,
    inRoot: [...inBase.entries()],
    sandbox,
    solution,
  });
  const ids = stableIds(newAccounts(before, await readAccounts(seenRoot)), before);
  const added = new Set(result.added.map((one) => one.name));
  const whole = { tar: join(options.work, "merged.tar"), files: join(options.work, "merged.jsonl") };
  options.onProgress("comparing with the base");
  const target = packRequest(options, sandbox, root);
  const installed = await markTree(sandbox, root);
  const only =
    unpacked &&
    installed &&
    (await changedPaths(sandbox, root, { before: unpacked, after: installed, tar: baseTree }));
  const links = [...inBase.entries()].filter(({ kind, path }) => kind === "symlink" && installed?.has(path));
  const entries = await packImageTree({
    ...target,
    output: whole.tar,
    files: whole.files,
    // Folders of the base may be links, and those that are as they were are not packed.
    owners: (packed) => ownersOf(result.database, [...links, ...packed], added),
    keys: keysOfLayer(options, result.database, seenRoot, inBase),
    leaveOut: backend.ownFolders.map((folder) => `./${folder}`),
    ...(only && { only }),
  });
  refuseRemoved(
    installed?.keys() ?? entries.map(({ path }) => path),
    inBase,
    backend.ownFolders.map((folder) => `/${folder}`),
  );
  await selectChanged(whole.tar, entries, inBase, { ...target, ids });
  const about = { options, sources, osRelease: snapshot.osRelease, base: { ...base, ...snapshot.facts } };
  const made = { ...layerFacts(result, result.database, about), accounts: ids.accounts };
  const facts = await writeLayer(options, snapshot, made, seenRoot);
  await sandbox.close();
  for (const path of [root, whole.tar, whole.files]) await rm(path, { recursive: true, force: true });
  return facts;
}

/** As of a base; and what the base has at the same path is no news. */
function keysOfLayer(options: LayerOptions, database: PackageDatabase, root: string, inBase: FileIndex) {
  const keys = keysOfBase(options, database, root);
  return {
    ...keys,
    isShipped: (entry: FileEntry) =>
      entry.package !== undefined || inBase.get(entry.path)?.sha256 === entry.sha256,
  };
}

/**
 * An extension cannot take a file of the base away. Caches and logs may come and go, and of update-alternatives: where another choice
 * has no such page, the link goes, and on the device the base's stays and leads where it did.
 */
function refuseRemoved(paths: Iterable<string>, inBase: FileIndex, ownFolders: readonly string[]): void {
  const left = new Set(paths);
  const removed = [...inBase.entries()]
    .filter((entry) => !isAlternative(entry))
    .map(({ path }) => path)
    .filter(
      (path) =>
        !left.has(path) &&
        !ownFolders.some((folder) => path === folder || path.startsWith(`${folder}/`)) &&
        !/^\/var\/(cache|log)\//.test(path),
    );
  if (removed.length > 0) throw new BuildError([problems.baseFileRemoved(removed)]);
}

/** Writes tar and manifest of what the base has not, or has otherwise. What holds accounts is told by other means. */
async function selectChanged(
  from: string,
  entries: readonly FileEntry[],
  inBase: FileIndex,
  to: {
    readonly output: string;
    readonly files: string;
    readonly epochSeconds: number;
    readonly ids: StableIds;
  },
): Promise<void> {
  const wanted = new Set<string>();
  for (const entry of entries) {
    const before = inBase.get(entry.path);
    if (ACCOUNT_FILES.has(entry.path) || (before !== undefined && sameContent(entry, before))) continue;
    wanted.add(entry.path);
    // What holds its content.
    if (entry.hardlink !== undefined) wanted.add(entry.hardlink);
  }
  const chosen = entries.flatMap((entry) =>
    wanted.has(entry.path) ? [{ ...entry, uid: to.ids.user(entry.uid), gid: to.ids.group(entry.gid) }] : [],
  );
  using tar = new TarFile(from);
  const members = tar.membersByPath();
  using writer = new TarWriter(to.output);
  writer.root(to.epochSeconds);
  for (const entry of inTarOrder(chosen, (one) => one)) writer.copy(tar, members.get(entry.path)!, entry);
  writer.finish();
  await writeFile(to.files, formatFileManifest(chosen));
}
