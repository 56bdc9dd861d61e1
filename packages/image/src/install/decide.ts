/** What an extension installs, and what of it has to run: known before anything is unpacked. */
import { mkdir } from "node:fs/promises";
import { join } from "node:path";
import { type PackageDatabase, type PackageSource, type Solution } from "@tsbake/packaging";
import { DATABASE_FOLDER, openSnapshot, type Snapshot } from "../snapshot/snapshot.js";
import { offerOf, solveRequest } from "./offer.js";
import type { LayerOptions } from "./options.js";

export interface Decided {
  readonly snapshot: Snapshot;
  /** The base's database, and the folder of the snapshot in which it lies. */
  readonly base: PackageDatabase;
  readonly database: string;
  readonly solution: Solution;
  readonly sources: readonly PackageSource[];
  /** `PACKAGE: WHAT`; with the policy `skip` nothing runs. */
  readonly running: readonly string[];
}

/** @throws BuildError `image/bad-snapshot`, `packaging/damaged-snapshot`, `packaging/base-changed`, `packaging/unsolvable`, … */
export async function decideInstall(options: LayerOptions): Promise<Decided> {
  const { backend, architecture, allowChanged, scripts } = options;
  const snapshot = await openSnapshot(options.base, { architecture, backend: backend.name });
  for (const folder of [options.work, options.output, options.pool]) await mkdir(folder, { recursive: true });
  const { sources, fetch } = await offerOf(options);
  const database = join(snapshot.folder, DATABASE_FOLDER);
  const base = await backend.readSnapshot(database, snapshot.facts);
  const request = { ...solveRequest(options, sources), allowChanged, installedIn: database };
  const solved = await backend.solve(request);
  const solution = { ...solved, packages: await fetch(solved.packages) };
  const running = scripts === "skip" ? [] : await backend.whatRuns(solution, base);
  return { snapshot, base, database, solution, sources, running };
}
