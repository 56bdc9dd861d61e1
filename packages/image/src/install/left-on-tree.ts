/** What packages that were removed from a base's tree left in it: gathers what {@link leftBehind} judges. */
import { join } from "node:path";
import type { FileEntry } from "@tsbake/archive";
import { AT_ONCE, eachLimited } from "@tsbake/base";
import {
  type Backend,
  type InstalledPackage,
  type InstallResult,
  installedScripts,
  type PackageDatabase,
  scriptEffects,
  type SkippedScript,
} from "@tsbake/packaging";
import { readAccounts } from "../layer/merged/accounts.js";
import { leftBehind, type Left } from "../removal/index.js";
import { DATABASE_FOLDER, type Snapshot, snapshotFiles, snapshotInspected } from "../snapshot/snapshot.js";

export interface Removed {
  readonly backend: Backend;
  readonly snapshot: Snapshot;
  readonly base: PackageDatabase;
  readonly result: InstallResult;
  /** Where this process finds the root. */
  readonly seenRoot: string;
  /** The tree as it was packed. */
  readonly after: readonly FileEntry[];
}

/** @throws BuildError `image/bad-snapshot`, `image/base-file-removed` where accounts are no files */
export async function leftOnTree({
  backend,
  snapshot,
  base,
  result: { database },
  seenRoot,
  after,
}: Removed): Promise<Left[]> {
  const there = new Set(database.packages.map(({ name }) => name));
  const gone = base.packages.filter(({ name }) => !there.has(name));
  if (gone.length === 0) return [];
  const before = await snapshotFiles(snapshot);
  const owners = new Map(before.map(({ path, package: owner }) => [path, owner]));
  const names = new Set(gone.map(({ name }) => name));
  const lines = (await snapshotInspected(snapshot))?.base.sysusers ?? [];
  const of = (isGone: boolean) =>
    lines.flatMap((line) => {
      const owner = owners.get(line.file);
      return owner !== undefined && names.has(owner) === isGone ? [{ ...line, package: owner }] : [];
    });
  const made = await madeBy(seenRoot, database.packages);
  for (const { users, groups } of of(false)) {
    for (const name of users) made.add(`user ${name}`);
    for (const name of groups) made.add(`group ${name}`);
  }
  return leftBehind({
    gone,
    scripts: await scriptsOf(join(snapshot.folder, DATABASE_FOLDER), gone),
    before,
    after,
    database,
    accounts: {
      after: await readAccounts(seenRoot),
      lines: of(true),
      isMade: (kind, name) => made.has(`${kind} ${name}`),
    },
    ownFolders: backend.ownFolders.map((folder) => `/${folder}`),
  });
}

async function scriptsOf(root: string, packages: readonly InstalledPackage[]): Promise<SkippedScript[]> {
  const all = await eachLimited(packages, AT_ONCE, (one) => installedScripts(root, one));
  return all.flat();
}

/** What scripts of installed packages make: only those that have to do with accounts are read as a shell reads them. */
async function madeBy(root: string, packages: readonly InstalledPackage[]): Promise<Set<string>> {
  const scripts = await scriptsOf(root, packages);
  return new Set(
    scripts.filter(({ text }) => /adduser|addgroup|useradd|groupadd/.test(text)).flatMap(scriptEffects),
  );
}
