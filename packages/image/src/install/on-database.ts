/** do_rootfs of an extension of whose packages nothing runs: the base's database is enough. */
import { rm } from "node:fs/promises";
import { join } from "node:path";
import {
  type InstallResult,
  type PackageDatabase,
  type PackageSource,
  type Solution,
  openDebBackend,
  scriptModes,
} from "@tsbake/packaging";
import { type Cage, openCage } from "@tsbake/sandbox";
import type { LayerFacts, NarrowedMode } from "../facts/facts.js";
import { ownersOf, packImageTree } from "../formats/tree.js";
import { missingAlternatives } from "../layer/alternatives.js";
import { narrowedModes, overrideRules, unreadModes } from "../layer/modes.js";
import { DATABASE_FOLDER, openSnapshot, type Snapshot } from "../snapshot/snapshot.js";
import { emptyRoot, offerOf, solveRequest, sourceFolders } from "./offer.js";
import type { LayerOptions } from "./options.js";
import { type About, layerFacts, packRequest, writeLayer } from "./results.js";

/** How it ended: installed, or given up since something has to run. */
export type OnDatabase =
  | { readonly facts: LayerFacts }
  | {
      readonly running: readonly string[];
      readonly solution: Solution;
      readonly sources: readonly PackageSource[];
    };

/**
 * Only what `install` needs beyond the base: the base's database in an otherwise empty root, new packages on top of it. No
 * maintainer script runs. With the policy `skip` each that would have is listed; with another one, nothing is left behind and
 * the answer is what has to run.
 *
 * @throws BuildError `image/bad-snapshot`, `packaging/damaged-snapshot`, `packaging/base-changed`, …
 */
export async function installOnDatabase(options: LayerOptions): Promise<OnDatabase> {
  const backend = openDebBackend();
  const { architecture } = options;
  const snapshot = await openSnapshot(options.base, { architecture, backend: backend.name });
  const root = await emptyRoot(options);
  const { sources, fetch } = await offerOf(backend, options);
  await using sandbox = await openCage({ writable: [root], readable: sourceFolders(sources) });
  const seenRoot = await sandbox.keepInMemory(root, backend.databaseFolder);
  const base = await backend.importSnapshot(join(snapshot.folder, DATABASE_FOLDER), seenRoot, snapshot.facts);
  const { allowChanged, scripts } = options;
  const request = { ...solveRequest(options, sources), allowChanged, root, seenRoot, base, sandbox };
  const solution = await backend.solve({ ...request, installedIn: seenRoot });
  await fetch(solution.packages);
  const isSkipping = scripts === "skip";
  const running = isSkipping ? [] : await backend.whatRuns(solution, base);
  if (running.length > 0) return { running, solution, sources };
  const result = await backend.installOnDatabase({ ...request, solution });
  const fired = isSkipping ? [] : backend.whatFires(result.added, base);
  if (fired.length > 0) return { running: fired, solution, sources };
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
  const backend = openDebBackend();
  const added = new Set(result.added.map((one) => one.name));
  const modes = scriptModes(result.skippedScripts);
  const rules = [...modes.rules, ...overrideRules(base)];
  let narrowed: NarrowedMode[] = [];
  let shipped: ReadonlySet<string> = new Set();
  await packImageTree({
    ...packRequest(options, sandbox, root),
    owners: (all) => ownersOf(result.database, all, added),
    // No script ran, so whatever is there was shipped.
    keys: { isShipped: () => true, isAllowed: options.mayHoldKey, maker: async () => undefined },
    modes: (entries) => {
      narrowed = narrowedModes(entries, rules);
      shipped = new Set(entries.map(({ path }) => path));
      return new Map(narrowed.map(({ path, to }) => [path, to]));
    },
    leaveOut: [`./${backend.databaseFolder}`],
  });
  const inBase = new Set(base.alternatives.map(({ link }) => link));
  const missing = missingAlternatives(modes.alternatives, (path) => shipped.has(path) || inBase.has(path));
  const warnings = [...result.warnings, ...unreadModes(modes), ...missing];
  const facts = { ...layerFacts(result, result.database, about), narrowedModes: narrowed, warnings };
  return writeLayer(options, snapshot, facts, seenRoot);
}
