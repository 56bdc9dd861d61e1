/** do_rootfs: packages into a root, either whole from nothing or as a layer on a base's database. */
import { lstat, mkdir, readdir, readFile, rm, writeFile } from "node:fs/promises";
import { join, resolve } from "node:path";
import { AT_ONCE, byText, eachLimited, hasCode, needSpace, sortedUnique } from "@tsbake/base";
import {
  type Backend,
  type InstallResult,
  type PackageDatabase,
  type PackageSource,
  type Planned,
  downloadClosure,
  inPool,
  mergeClosures,
  openDebBackend,
  packageLines,
  parseStanzas,
  readClosure,
  scriptModes,
  scriptThatMakes,
} from "@tsbake/packaging";
import { type Sandbox, insideRoot, openCage } from "@tsbake/sandbox";
import type { KeyCheck } from "./check/private-keys.js";
import { directNeeds, installedClosure, installedSizeBytes } from "./facts/closure.js";
import { type LayerFacts, type NarrowedMode, formatFacts } from "./facts/facts.js";
import { formatFileManifest } from "./facts/file-manifest.js";
import { packageFact } from "./facts/package-fact.js";
import { type OsRelease, parseOsRelease } from "./snapshot/os-release.js";
import {
  DATABASE_FOLDER,
  clearSnapshot,
  openSnapshot,
  writeSnapshot,
  type SnapshotFacts,
} from "./snapshot/snapshot.js";
import { missingAlternatives } from "./layer/alternatives.js";
import { narrowedModes, overrideRules, unreadModes } from "./layer/modes.js";
import { tmpfilesOf } from "./layer/tmpfiles.js";
import { ownersOf, packImageTree } from "./formats/tree.js";

export interface InstallOptions {
  /** Packages from recipes and from the archive. */
  readonly install: readonly string[];
  /** The engine's closure file; none when nothing comes from the archive. */
  readonly closure?: string | undefined;
  /** Where package files of the archive are kept. */
  readonly pool: string;
  /** Folders with package files of recipes. */
  readonly packageFolders: readonly string[];
  /** Debian's word. */
  readonly architecture: string;
  readonly distro: string;
  readonly epochSeconds: number;
  /** An empty folder to work in. */
  readonly work: string;
  /** Where the results go: {@link TREE_FILE} and the other names below. */
  readonly output: string;
  /** Paths where a private key is meant to be. */
  readonly mayHoldKey: (path: string) => boolean;
  readonly onProgress: (text: string) => void;
}

export interface LayerOptions extends InstallOptions {
  /** Folder of the base's snapshot. */
  readonly base: string;
  /** Base packages that may change (opt-in). */
  readonly allowChanged: readonly string[];
  /** Keep the database of base and layer together beside the results. */
  readonly keepDatabase: boolean;
}

/** Names in the output folder. */
const TREE_FILE = "rootfs.tar";
const FILES_FILE = "files.jsonl";
const FACTS_FILE = "packages.json";
const PACKAGES_FILE = "packages.txt";
const SCRIPTS_FILE = "skipped-scripts.txt";
export const SNAPSHOT_FOLDER = "pkgdb";

/**
 * A whole root: every package installed and configured by the real package manager, packed with its manifest, and the
 * snapshot that extensions are built on.
 *
 * @throws BuildError of the package backend; `image/format-failed`
 */
export async function installBase(options: InstallOptions): Promise<LayerFacts> {
  const backend = openDebBackend();
  const root = await emptyRoot(options);
  const snapshot = join(options.output, SNAPSHOT_FOLDER);
  const { sources, fetch } = await offerOf(backend, options);
  await using sandbox = await openCage({ writable: [root], readable: sourceFolders(sources) });
  const result = await backend.install({
    ...solveRequest(options, sources),
    root,
    sandbox,
    fetch,
  });
  await clearSnapshot(snapshot);
  const identity = await backend.snapshot(root, join(snapshot, DATABASE_FOLDER));
  options.onProgress("packing");
  const entries = await packImageTree({
    ...packRequest(options, sandbox, root),
    owners: (all) => ownersOf(result.database, all),
    keys: keysOfBase(options, result.database, root),
  });
  await writeSnapshot(snapshot, identity, {
    distro: options.distro,
    files: formatFileManifest(entries),
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

/**
 * Only what `install` needs beyond the base: the base's database in an otherwise empty root, new packages on top of it.
 * No maintainer script runs; each that would have is listed.
 *
 * @throws BuildError `image/bad-snapshot`, `packaging/damaged-snapshot`, `packaging/base-changed`, …
 */
export async function installLayer(options: LayerOptions): Promise<LayerFacts> {
  const backend = openDebBackend();
  const { architecture } = options;
  const snapshot = await openSnapshot(options.base, { architecture, backend: backend.name });
  const root = await emptyRoot(options);
  const { sources, fetch } = await offerOf(backend, options);
  await using sandbox = await openCage({ writable: [root], readable: sourceFolders(sources) });
  const seenRoot = await sandbox.keepInMemory(root, backend.databaseFolder);
  const base = await backend.importSnapshot(join(snapshot.folder, DATABASE_FOLDER), seenRoot, snapshot.facts);
  const result = await backend.installOnDatabase({
    ...solveRequest(options, sources),
    allowChanged: options.allowChanged,
    root,
    seenRoot,
    base,
    sandbox,
    fetch,
  });
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
  if (options.keepDatabase) {
    const kept = join(options.output, SNAPSHOT_FOLDER);
    await clearSnapshot(kept);
    await backend.snapshot(seenRoot, join(kept, DATABASE_FOLDER));
  }
  const about = { options, sources, osRelease: snapshot.osRelease, base: { ...base, ...snapshot.facts } };
  const inBase = new Set(base.alternatives.map(({ link }) => link));
  const missing = missingAlternatives(modes.alternatives, (path) => shipped.has(path) || inBase.has(path));
  const warnings = [...result.warnings, ...unreadModes(modes), ...missing];
  const facts = { ...layerFacts(result, result.database, about), narrowedModes: narrowed, warnings };
  const lines = facts.packages.map((one) => `${one.name} ${one.architecture} ${one.version}`);
  await writeFacts(options.output, facts, lines);
  await sandbox.close();
  await rm(root, { recursive: true, force: true });
  return facts;
}

export async function emptyRoot(options: InstallOptions): Promise<string> {
  const root = join(options.work, "root");
  await rm(root, { recursive: true, force: true });
  for (const folder of [root, options.output, options.pool]) await mkdir(folder, { recursive: true });
  return root;
}

export function sourceFolders(sources: readonly PackageSource[]): string[] {
  return sortedUnique(sources.map(({ folder }) => resolve(folder)));
}

export function solveRequest(options: InstallOptions, sources: readonly PackageSource[]) {
  const { install, architecture, epochSeconds, onProgress } = options;
  return { install, sources, architecture, epochSeconds, onProgress };
}

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

interface Offer {
  readonly sources: readonly PackageSource[];
  /** Downloads those of the archive that are not in the pool yet. @throws BuildError `base/disk-full` where they cannot fit unpacked */
  readonly fetch: (packages: readonly Planned[]) => Promise<void>;
}

/**
 * What can be installed: the packages of recipes, the engine's closure, and the closures that recipes published, whose
 * libraries their packages may need. Only what is installed in the end is downloaded.
 */
export async function offerOf(backend: Backend, options: InstallOptions): Promise<Offer> {
  const own = await eachLimited(options.packageFolders, AT_ONCE, (folder) => backend.scan(folder));
  const published = await eachLimited(options.packageFolders, AT_ONCE, closuresIn);
  const paths = [...(options.closure === undefined ? [] : [options.closure]), ...published.flat()];
  const closure = mergeClosures(await eachLimited(paths, AT_ONCE, readClosure));
  return {
    sources: [...own, { folder: options.pool, packages: inPool(closure.packages) }],
    async fetch(packages) {
      const stanzas = packages.flatMap(({ stanza }) => parseStanzas(stanza).stanzas.slice(0, 1));
      const sizeBytes = stanzas.reduce((sum, stanza) => sum + installedSizeBytes({ stanza }), 0);
      needSpace(
        options.work,
        sizeBytes,
        `unpacking ${packages.length} ${packages.length === 1 ? "package" : "packages"}`,
      );
      const planned = new Set(packages.map(identity));
      const wanted = closure.packages.filter((one) => planned.has(identity(one)));
      await downloadClosure({ ...closure, packages: wanted }, options.pool, {
        onProgress: options.onProgress,
      });
    },
  };
}

/** Files `*.closure` of a recipe's package folder, sorted. */
async function closuresIn(folder: string): Promise<string[]> {
  const names = await readdir(folder);
  return names
    .filter((name) => name.endsWith(".closure"))
    .sort(byText)
    .map((name) => join(folder, name));
}

interface Identified {
  readonly name: string;
  readonly version: string;
  readonly architecture: string;
}

function identity({ name, version, architecture }: Identified): string {
  return `${name} ${version} ${architecture}`;
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

/** What an installation was made of and on. */
interface About {
  readonly options: Pick<InstallOptions, "install" | "pool">;
  readonly sources: readonly PackageSource[];
  readonly osRelease: OsRelease;
  /** Of an extension. */
  readonly base?: Pick<PackageDatabase, "packages"> & Pick<SnapshotFacts, "digest">;
  /** Of a base. */
  readonly databaseDigest?: string;
}

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
  const needs = directNeeds(database.packages);
  const packages = result.added.map((one) =>
    packageFact(one, files.get(identity(one)) ?? { sha256: undefined, isFromArchive: true }, needs(one)),
  );
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

function distributionOf(osRelease: OsRelease): LayerFacts["distribution"] {
  const [id, version] = [osRelease.get("ID"), osRelease.get("VERSION_ID")];
  return { ...(id ? { id } : {}), ...(version ? { version } : {}) };
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
