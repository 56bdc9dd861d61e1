/** What do_rootfs leaves: the tree, its manifest, facts about its packages. */
import { writeFile } from "node:fs/promises";
import { join } from "node:path";
import { sortedUnique } from "@tsbake/base";
import {
  type InstallResult,
  type PackageDatabase,
  type PackageSource,
  type SkippedScript,
  scriptEffects,
  scriptThatMakes,
} from "@tsbake/packaging";
import type { Sandbox } from "@tsbake/sandbox";
import type { KeyCheck } from "../check/private-keys.js";
import { directNeeds, installedClosure, installedSizeBytes } from "../facts/closure.js";
import { type LayerFacts, type PackageFact, type ScriptFact, formatFacts } from "../facts/facts.js";
import { packageFact } from "../facts/package-fact.js";
import { identity } from "./offer.js";
import type { OsRelease } from "../snapshot/os-release.js";
import { clearSnapshot, DATABASE_FOLDER, type Snapshot, type SnapshotFacts } from "../snapshot/snapshot.js";
import type { InstallOptions, LayerOptions } from "./options.js";
import { writeStackedSnapshot } from "./stacked-snapshot.js";

/** Names in the output folder. */
export const TREE_FILE = "rootfs.tar";
export const FILES_FILE = "files.jsonl";
const FACTS_FILE = "packages.json";
const PACKAGES_FILE = "packages.txt";
const SCRIPTS_FILE = "skipped-scripts.txt";
export const SNAPSHOT_FOLDER = "pkgdb";

/** What packs the root into the results' folder. */
export function packRequest(options: InstallOptions, sandbox: Sandbox, root: string) {
  return {
    root,
    sandbox,
    output: join(options.output, TREE_FILE),
    files: join(options.output, FILES_FILE),
    epochSeconds: options.epochSeconds,
  };
}

/** What a script wrote is a file without a package, or a configuration file that is not as its package has it. */
export function keysOfBase(options: InstallOptions, database: PackageDatabase, root: string): KeyCheck {
  const conffiles = new Map(database.packages.flatMap((one) => [...one.conffiles]));
  return {
    isShipped: (entry) => entry.package !== undefined,
    shippedMd5: (path) => conffiles.get(path)?.split(" ")[0],
    isAllowed: options.mayHoldKey,
    maker: (path) => scriptThatMakes(root, path),
  };
}

/** What an installation was made of and on. */
export interface About {
  readonly options: Pick<InstallOptions, "install" | "pool">;
  readonly sources: readonly PackageSource[];
  readonly osRelease: OsRelease;
  /** Of an extension. */
  readonly base?: Pick<PackageDatabase, "packages"> & Pick<SnapshotFacts, "digest">;
  /** Of a base. */
  readonly databaseDigest?: string;
  /** What was said before of packages that are there already. */
  readonly known?: readonly PackageFact[];
}

/** Facts of what was installed, each package with where it came from. */
export function layerFacts(result: InstallResult, database: PackageDatabase, about: About): LayerFacts {
  const { options, base, osRelease } = about;
  const files = new Map(
    about.sources.flatMap(({ folder, packages }) =>
      packages.map((one) => {
        const from = { sha256: one.sha256, isFromArchive: folder === options.pool };
        return [identity(one), from] as const;
      }),
    ),
  );
  const known = new Map(
    (about.known ?? []).map((one) => {
      const from = { sha256: one.sha256, isFromArchive: one.origin === "archive" };
      return [identity(one), from] as const;
    }),
  );
  const needs = directNeeds(database.packages);
  const packages = result.added.map((one) => {
    const from = known.get(identity(one)) ?? files.get(identity(one));
    return packageFact(one, from ?? { sha256: undefined, isFromArchive: true }, needs(one));
  });
  const requested = sortedUnique(options.install.map((name) => name.replace(/[=/:].*$/, "")));
  const closure = installedClosure(database.packages, [...requested, ...packages.map(({ name }) => name)]);
  return {
    format: 2,
    backend: database.backend,
    architecture: database.architecture,
    ...(base === undefined ? {} : { baseDigest: base.digest }),
    inBase: (base?.packages ?? [])
      .filter(({ state }) => state === "installed")
      .map(({ name, version, architecture }) => ({ name, version, architecture })),
    ...(about.databaseDigest === undefined ? {} : { databaseDigest: about.databaseDigest }),
    distribution: distributionOf(osRelease),
    requested,
    packages,
    closure: {
      count: closure.length,
      installedSizeBytes: closure.reduce((sum, one) => sum + installedSizeBytes(one), 0),
    },
    skippedScripts: result.skippedScripts.map(scriptFact),
    narrowedModes: [],
    changedInBase: result.changes
      .filter((one) => one.kind !== "added")
      .map((one) => `${one.kind} ${one.name} ${one.from ?? "-"} ${one.to ?? "-"}`),
    warnings: result.warnings,
  };
}

function scriptFact(one: SkippedScript): ScriptFact {
  const { package: owner, version, script, sha256 } = one;
  const makes = scriptEffects(one);
  return { package: owner, version, script, sha256, ...(makes.length > 0 && { makes }) };
}

function distributionOf(osRelease: OsRelease): LayerFacts["distribution"] {
  const [id, version] = [osRelease.get("ID"), osRelease.get("VERSION_ID")];
  return { ...(id ? { id } : {}), ...(version ? { version } : {}) };
}

/** @param packages lines of the list of packages */
export async function writeFacts(
  output: string,
  facts: LayerFacts,
  packages: readonly string[],
): Promise<void> {
  await writeFile(join(output, FACTS_FILE), formatFacts(facts));
  await writeFile(join(output, PACKAGES_FILE), packages.map((line) => `${line}\n`).join(""));
  const scripts = facts.skippedScripts.map((one) =>
    [
      `${one.package} ${one.version} ${one.script} ${one.sha256}\n`,
      ...(one.makes ?? []).map((what) => `  ${what}\n`),
    ].join(""),
  );
  await writeFile(join(output, SCRIPTS_FILE), scripts.join(""));
}

/** What a layer leaves beside its tree. @param root the root in which its packages are @returns the facts as they were written */
export async function writeLayer(
  options: LayerOptions,
  base: Snapshot,
  facts: LayerFacts,
  root: string,
): Promise<LayerFacts> {
  const { backend, snapshotName, output } = options;
  let all = facts;
  if (snapshotName !== undefined) {
    const databaseDigest = await writeStackedSnapshot({
      backend,
      base,
      distro: options.distro,
      name: snapshotName,
      tree: join(output, TREE_FILE),
      files: join(output, FILES_FILE),
      accounts: facts.accounts,
      root,
      output: join(output, SNAPSHOT_FOLDER),
    });
    all = { ...facts, databaseDigest };
  } else if (options.keepDatabase) {
    const kept = join(options.output, SNAPSHOT_FOLDER);
    await clearSnapshot(kept);
    await backend.snapshot(root, join(kept, DATABASE_FOLDER));
  }
  const lines = facts.packages.map((one) => `${one.name} ${one.architecture} ${one.version}`);
  await writeFacts(output, all, lines);
  return all;
}
