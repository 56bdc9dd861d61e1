/**
 * An rpm database as a tree of files, one a header as rpmdb exports it, taken from one root and put into another. rpmdb imports nothing
 * of what is damaged and says nothing of it; so what has arrived is read again and compared, by number and by the digest of each.
 */
import { mkdir, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { AT_ONCE, BuildError, eachLimited } from "@tsbake/base";
import type { SnapshotIdentity } from "../database/backend.js";
import type { PackageDatabase } from "../database/database.js";
import { DPKG_FOLDER } from "../deb/database.js";
import { copyFrame, copyMembers, demandSame, identityOf } from "../deb/snapshot.js";
import { foreignSnapshot } from "../problems.js";
import {
  HEADERS_FOLDER,
  headersOfRoot,
  headersOfSnapshot,
  readRpmDatabase,
  readRpmHeaders,
  writeRpmDatabase,
} from "./database.js";

/** @throws BuildError `packaging/bad-database`, `packaging/no-rpm` */
export async function snapshotRpm(root: string, into: string): Promise<SnapshotIdentity> {
  const headers = await headersOfRoot(root);
  const folder = join(into, HEADERS_FOLDER);
  await mkdir(folder, { recursive: true });
  await eachLimited(headers, AT_ONCE, ({ key, bytes }) => writeFile(join(folder, `${key}.hdr`), bytes));
  await copyRest(root, into);
  return identityOf(await readRpmHeaders(into));
}

/** @throws BuildError `packaging/foreign-snapshot`, `packaging/damaged-snapshot`, `packaging/bad-database`, `packaging/no-rpm` */
export async function importRpmSnapshot(
  from: string,
  root: string,
  expected: SnapshotIdentity,
): Promise<PackageDatabase> {
  await readRpmSnapshot(from, expected);
  await writeRpmDatabase(root, await headersOfSnapshot(from));
  await copyRest(from, root);
  return demandSame(await readRpmDatabase(root, expected.architecture), expected);
}

/** The database of a snapshot where it lies. @throws as {@link importRpmSnapshot} */
export async function readRpmSnapshot(from: string, expected: SnapshotIdentity): Promise<PackageDatabase> {
  if (expected.backend !== "rpm") throw new BuildError([foreignSnapshot("backend", "rpm", expected.backend)]);
  return demandSame(await readRpmHeaders(from, expected.architecture), expected);
}

async function copyRest(from: string, to: string): Promise<void> {
  await copyMembers(join(from, DPKG_FOLDER), join(to, DPKG_FOLDER), {
    files: ["diversions", "statoverride"],
    folders: ["alternatives"],
  });
  await copyFrame(from, to);
}
