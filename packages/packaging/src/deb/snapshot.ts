/** The dpkg database as a tree of its own, taken from one root and put into another. */
import { copyFile, lstat, mkdir, readdir, readlink, symlink, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { AT_ONCE, BuildError, byText, eachLimited, hasCode, ifThere } from "@tsbake/base";
import type { SnapshotIdentity } from "../database/backend.js";
import { databaseDigest } from "../database/database.js";
import type { PackageDatabase } from "../database/database.js";
import { DPKG_FOLDER, readDebDatabase } from "./database.js";
import { insideRoot } from "@tsbake/sandbox";
import { badDatabase, damagedSnapshot, foreignSnapshot } from "../problems.js";

/** Members of `/var/lib/dpkg` that are the database; the others are locks, backups and journals. */
const FILES = ["status", "diversions", "statoverride", "arch"];
const FOLDERS = ["info", "alternatives", "triggers"];
/** dpkg refuses a database without these. */
const EMPTY_FOLDERS = ["updates", "parts"];
const NO_MEMBERS = new Set(["triggers/Lock"]);

/** By what a snapshot is recognised when it is imported. */
export function identityOf(database: PackageDatabase): SnapshotIdentity {
  const { backend, architecture, packages } = database;
  return { backend, architecture, count: packages.length, digest: databaseDigest(database) };
}

/**
 * Writes `var/lib/dpkg/…`, the links of `etc/alternatives` and the root's own links into /usr below `into`.
 * @throws BuildError `packaging/bad-database`
 */
export async function snapshotDeb(
  root: string,
  into: string,
  architecture?: string,
): Promise<SnapshotIdentity> {
  const identity = identityOf(await readDebDatabase(root, architecture));
  await copyDatabase(root, into);
  return identity;
}

/** @throws BuildError `packaging/foreign-snapshot`, `packaging/damaged-snapshot`, `packaging/bad-database` */
export async function importDebSnapshot(
  from: string,
  root: string,
  expected: SnapshotIdentity,
): Promise<PackageDatabase> {
  if (expected.backend !== "deb") throw new BuildError([foreignSnapshot("backend", "deb", expected.backend)]);
  await copyDatabase(from, root);
  return proved(root, expected);
}

/** The database of a snapshot where it lies. @throws as {@link importDebSnapshot} */
export async function readDebSnapshot(from: string, expected: SnapshotIdentity): Promise<PackageDatabase> {
  if (expected.backend !== "deb") throw new BuildError([foreignSnapshot("backend", "deb", expected.backend)]);
  for (const name of FILES) {
    const path = join(from, DPKG_FOLDER, name);
    // Only ordinary files: a snapshot may come from anywhere.
    if ((await ifThere(lstat(path)))?.isFile() === false)
      throw new BuildError([badDatabase(path, "it is no file")]);
  }
  return proved(from, expected);
}

async function proved(root: string, expected: SnapshotIdentity): Promise<PackageDatabase> {
  return demandSame(await readDebDatabase(root, expected.architecture), expected);
}

/** @throws BuildError `packaging/damaged-snapshot` */
export function demandSame(database: PackageDatabase, expected: SnapshotIdentity): PackageDatabase {
  const found = identityOf(database);
  if (found.count !== expected.count) {
    throw new BuildError([
      damagedSnapshot("the number of packages", String(expected.count), String(found.count)),
    ]);
  }
  if (found.digest !== expected.digest) {
    throw new BuildError([damagedSnapshot("its digest", expected.digest, found.digest)]);
  }
  return database;
}

async function copyDatabase(from: string, to: string): Promise<void> {
  const [source, target] = [join(from, DPKG_FOLDER), join(to, DPKG_FOLDER)];
  for (const name of EMPTY_FOLDERS) await mkdir(join(target, name), { recursive: true });
  await copyMembers(source, target, { files: FILES, folders: FOLDERS, without: NO_MEMBERS });
  // Without it dpkg takes the database for one of before there were triggers, and fires all of them.
  await writeFile(join(target, "triggers/Unincorp"), "", { flag: "a" });
  // What apt and old tools expect; its content is what is *available*, which a snapshot does not say.
  await writeFile(join(target, "available"), "");
  await copyFrame(from, to);
}

/** Files of a database, and what is in folders of it, but for hidden ones. @param members relative names */
export async function copyMembers(
  source: string,
  target: string,
  members: {
    readonly files: readonly string[];
    readonly folders: readonly string[];
    readonly without?: ReadonlySet<string>;
  },
): Promise<void> {
  await mkdir(target, { recursive: true });
  for (const name of members.files) await copyPlain(join(source, name), join(target, name));
  for (const folder of members.folders) {
    await mkdir(join(target, folder), { recursive: true });
    const names = ((await ifThere(readdir(join(source, folder)))) ?? []).sort(byText);
    const wanted = names.filter(
      (name) => !name.startsWith(".") && !members.without?.has(`${folder}/${name}`),
    );
    await eachLimited(wanted, AT_ONCE, (name) =>
      copyPlain(join(source, folder, name), join(target, folder, name)),
    );
  }
}

/** Links that no package has: those of alternatives, and the root's own into /usr. */
export async function copyFrame(from: string, to: string): Promise<void> {
  const alternatives = await insideRoot(from).follow("etc/alternatives");
  await copyLinks(alternatives, join(to, "etc/alternatives"), () => true);
  // Links such as /bin → usr/bin belong to no package, and a layer unpacked without them would not go into /usr.
  await copyLinks(from, to, (text) => /^usr\/[^/]+$/.test(text) && text !== "usr/..");
}

/** Only ordinary files: a snapshot may come from anywhere. */
async function copyPlain(from: string, to: string): Promise<void> {
  try {
    if ((await lstat(from)).isFile()) await copyFile(from, to);
  } catch (error) {
    if (!hasCode(error, "ENOENT")) throw error;
  }
}

async function copyLinks(from: string, to: string, accept: (target: string) => boolean): Promise<void> {
  const entries = (await ifThere(readdir(from, { withFileTypes: true }))) ?? [];
  const links = entries.filter((entry) => entry.isSymbolicLink()).map(({ name }) => name);
  if (links.length === 0) return;
  await mkdir(to, { recursive: true });
  for (const name of links.sort(byText)) {
    const target = await readlink(join(from, name));
    if (!accept(target)) continue;
    await symlink(target, join(to, name));
    if (target.startsWith("usr/")) await mkdir(join(to, target), { recursive: true });
  }
}
