/** opkg's database as a tree of its own, taken from one root and put into another; with what scripts' helpers keep. */
import { lstat } from "node:fs/promises";
import { join } from "node:path";
import { BuildError, ifThere } from "@tsbake/base";
import type { SnapshotIdentity } from "../database/backend.js";
import type { PackageDatabase } from "../database/database.js";
import { DPKG_FOLDER } from "../deb/database.js";
import { copyFrame, copyMembers, demandSame, identityOf } from "../deb/snapshot.js";
import { badDatabase, foreignSnapshot } from "../problems.js";
import { OPKG_FOLDER, readIpkDatabase } from "./database.js";

/** @throws BuildError `packaging/bad-database` */
export async function snapshotIpk(root: string, into: string): Promise<SnapshotIdentity> {
  const identity = identityOf(await readIpkDatabase(root));
  await copyDatabase(root, into);
  return identity;
}

/** @throws BuildError `packaging/foreign-snapshot`, `packaging/damaged-snapshot`, `packaging/bad-database` */
export async function importIpkSnapshot(
  from: string,
  root: string,
  expected: SnapshotIdentity,
): Promise<PackageDatabase> {
  demandIpk(expected);
  await copyDatabase(from, root);
  return demandSame(await readIpkDatabase(root, expected.architecture), expected);
}

/** The database of a snapshot where it lies. @throws as {@link importIpkSnapshot} */
export async function readIpkSnapshot(from: string, expected: SnapshotIdentity): Promise<PackageDatabase> {
  demandIpk(expected);
  for (const name of [`${OPKG_FOLDER}/status`, `${DPKG_FOLDER}/diversions`, `${DPKG_FOLDER}/statoverride`]) {
    const path = join(from, name);
    // Only ordinary files: a snapshot may come from anywhere.
    if ((await ifThere(lstat(path)))?.isFile() === false)
      throw new BuildError([badDatabase(path, "it is no file")]);
  }
  return demandSame(await readIpkDatabase(from, expected.architecture), expected);
}

function demandIpk({ backend }: SnapshotIdentity): void {
  if (backend !== "ipk") throw new BuildError([foreignSnapshot("backend", "ipk", backend)]);
}

async function copyDatabase(from: string, to: string): Promise<void> {
  await copyMembers(join(from, OPKG_FOLDER), join(to, OPKG_FOLDER), { files: ["status"], folders: ["info"] });
  await copyMembers(join(from, DPKG_FOLDER), join(to, DPKG_FOLDER), {
    files: ["diversions", "statoverride"],
    folders: ["alternatives"],
  });
  await copyFrame(from, to);
}
