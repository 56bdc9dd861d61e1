/** What do_rootfs leaves: the tree, its manifest, facts about its packages. */
import { writeFile } from "node:fs/promises";
import { join } from "node:path";
import { sortedUnique } from "@tsbake/base";
import {
  type InstallResult,
  type PackageDatabase,
  type PackageSource,
  openDebBackend,
  scriptThatMakes,
} from "@tsbake/packaging";
import type { Sandbox } from "@tsbake/sandbox";
import type { KeyCheck } from "../check/private-keys.js";
import { installedClosure, installedSizeBytes } from "../facts/closure.js";
import { type LayerFacts, type PackageFact, formatFacts } from "../facts/facts.js";
import { identity } from "./offer.js";
import { clearSnapshot, DATABASE_FOLDER } from "../snapshot/snapshot.js";
import type { InstallOptions, LayerOptions } from "./options.js";

/** Names in the output folder. */
const TREE_FILE = "rootfs.tar";
const FILES_FILE = "files.jsonl";
const FACTS_FILE = "packages.json";
const PACKAGES_FILE = "packages.txt";
const SCRIPTS_FILE = "skipped-scripts.txt";
export const SNAPSHOT_FOLDER = "pkgdb";

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

export function layerFacts(
  result: InstallResult,
  database: PackageDatabase,
  about: { sources: readonly PackageSource[]; wanted: readonly string[]; baseDigest?: string },
): LayerFacts {
  const files = new Map(
    about.sources.flatMap(({ packages }) => packages.map((one) => [identity(one), one.sha256] as const)),
  );
  const packages = result.added.map((one): PackageFact => {
    const sha256 = files.get(identity(one));
    const licence = one.stanza.get("License");
    return {
      name: one.name,
      version: one.version,
      architecture: one.architecture,
      ...(sha256 === undefined ? {} : { sha256 }),
      ...(licence === undefined ? {} : { licence }),
      installedSizeBytes: installedSizeBytes(one),
    };
  });
  const requested = sortedUnique(about.wanted.map((name) => name.replace(/[=/:].*$/, "")));
  const closure = installedClosure(database.packages, [...requested, ...packages.map(({ name }) => name)]);
  return {
    format: 1,
    backend: database.backend,
    architecture: database.architecture,
    ...(about.baseDigest === undefined ? {} : { baseDigest: about.baseDigest }),
    requested,
    packages,
    closure: {
      count: closure.length,
      installedSizeBytes: closure.reduce((sum, one) => sum + installedSizeBytes(one), 0),
    },
    skippedScripts: result.skippedScripts.map((one) => ({
      package: one.package,
      version: one.version,
      script: one.script,
      sha256: one.sha256,
    })),
    narrowedModes: [],
    changedInBase: result.changes
      .filter((one) => one.kind !== "added")
      .map((one) => `${one.kind} ${one.name} ${one.from ?? "-"} ${one.to ?? "-"}`),
    warnings: result.warnings,
  };
}

export async function writeFacts(
  output: string,
  facts: LayerFacts,
  packages: readonly string[],
): Promise<void> {
  await writeFile(join(output, FACTS_FILE), formatFacts(facts));
  await writeFile(join(output, PACKAGES_FILE), packages.map((line) => `${line}\n`).join(""));
  const scripts = facts.skippedScripts.map(
    (one) => `${one.package} ${one.version} ${one.script} ${one.sha256}\n`,
  );
  await writeFile(join(output, SCRIPTS_FILE), scripts.join(""));
}

/** What a layer leaves beside its tree. @param seenRoot the root in which its packages are */
export async function writeLayer(options: LayerOptions, facts: LayerFacts, seenRoot: string): Promise<void> {
  if (options.keepDatabase) {
    const kept = join(options.output, SNAPSHOT_FOLDER);
    await clearSnapshot(kept);
    await openDebBackend().snapshot(seenRoot, join(kept, DATABASE_FOLDER));
  }
  const lines = facts.packages.map((one) => `${one.name} ${one.architecture} ${one.version}`);
  await writeFacts(options.output, facts, lines);
}
