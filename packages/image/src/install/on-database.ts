/** do_rootfs of an extension of whose packages nothing runs, where dpkg has to decide: the base's database is enough. */
import { rm } from "node:fs/promises";
import type { InstallResult, PackageDatabase } from "@tsbake/packaging";
import type { Cage } from "@tsbake/sandbox";
import type { LayerFacts } from "../facts/facts.js";
import { ownersOf, packImageTree } from "../formats/tree.js";
import type { Snapshot } from "../snapshot/snapshot.js";
import type { Decided } from "./decide.js";
import { type Narrowing, narrowing } from "./narrowing.js";
import { emptyRoot, installCage, solveRequest } from "./offer.js";
import type { LayerOptions } from "./options.js";
import { type About, layerFacts, packRequest, writeLayer } from "./results.js";

/** How it ended: installed, or given up since a trigger has to run. */
export type OnDatabase = { readonly facts: LayerFacts } | { readonly running: readonly string[] };

/**
 * Only what `install` needs beyond the base: the base's database in an otherwise empty root, new packages on top of it. No
 * maintainer script runs. With the policy `skip` each that would have is listed; with another one, nothing is left behind and
 * the answer is what has to run.
 *
 * @throws BuildError `packaging/damaged-snapshot`, `packaging/base-changed`, `packaging/install-failed`, …
 */
export async function installOnDatabase(options: LayerOptions, decided: Decided): Promise<OnDatabase> {
  const { backend } = options;
  const { snapshot, database, solution, sources } = decided;
  const root = await emptyRoot(options);
  await using sandbox = await installCage(options, root, sources);
  const seenRoot = await sandbox.keepInMemory(root, backend.databaseFolder);
  const base = await backend.importSnapshot(database, seenRoot, snapshot.facts);
  const { allowChanged, scripts } = options;
  const request = { ...solveRequest(options, sources), allowChanged, root, seenRoot, base, sandbox };
  const result = await backend.installOnDatabase({ ...request, solution });
  const fired = scripts === "skip" ? [] : backend.whatFires(result.added, base);
  if (fired.length > 0) return { running: fired };
  const about = { options, sources, osRelease: snapshot.osRelease, base: { ...base, ...snapshot.facts } };
  const facts = await packLayer(options, { snapshot, root, seenRoot, sandbox, base, result, about });
  await sandbox.close();
  await rm(root, { recursive: true, force: true });
  return { facts };
}

interface Layer {
  readonly snapshot: Snapshot;
  readonly root: string;
  readonly seenRoot: string;
  readonly sandbox: Cage;
  readonly base: PackageDatabase;
  readonly result: InstallResult;
  readonly about: About;
}

async function packLayer(
  options: LayerOptions,
  { snapshot, root, seenRoot, sandbox, base, result, about }: Layer,
): Promise<LayerFacts> {
  const { backend } = options;
  const added = new Set(result.added.map((one) => one.name));
  let found: Narrowing | undefined;
  await packImageTree({
    ...packRequest(options, sandbox, root),
    owners: (all) => ownersOf(result.database, all, added),
    // No script ran, so whatever is there was shipped.
    keys: { isShipped: () => true, isAllowed: options.mayHoldKey, maker: async () => undefined },
    modes: (entries) => (found = narrowing(result, base, entries)).modes,
    leaveOut: backend.ownFolders.map((folder) => `./${folder}`),
  });
  const { narrowed: narrowedModes = [], warnings = [] } = found ?? {};
  const facts = { ...layerFacts(result, result.database, about), narrowedModes, warnings };
  return writeLayer(options, snapshot, facts, seenRoot);
}
