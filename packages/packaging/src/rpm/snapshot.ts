/**
 * An rpm database as a tree of files, one a header as rpmdb exports it, taken from one root and put into another. rpmdb imports nothing
 * of what is damaged and says nothing of it; so what has arrived is read again and compared, by number and by the digest of each.
 */
import { mkdir, mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { AT_ONCE, BuildError, eachLimited } from "@tsbake/base";
import type { SnapshotIdentity } from "../database/backend.js";
import type { PackageDatabase } from "../database/database.js";
import { DPKG_FOLDER } from "../deb/database.js";
import { copyFrame, copyMembers, demandSame, identityOf } from "../deb/snapshot.js";
import { damagedSnapshot, foreignSnapshot } from "../problems.js";
import {
  HEADERS_FOLDER,
  headersOfRoot,
  headersOfSnapshot,
  readRpmDatabase,
  readRpmHeaders,
} from "./database.js";
import type { DatabaseHeader } from "./headers.js";
import { findRpm, importDatabase, RPM_FOLDER } from "./tool.js";

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
  const headers = await headersOfSnapshot(from);
  const folder = join(root, RPM_FOLDER);
  await mkdir(folder, { recursive: true });
  const scratch = await mkdtemp(join(tmpdir(), "tsbake-rpm-"));
  try {
    const file = join(scratch, "headers");
    await writeFile(file, Buffer.concat(headers.map(({ bytes }) => bytes)));
    await importDatabase(await findRpm(), folder, file, 0);
  } finally {
    await rm(scratch, { recursive: true, force: true });
  }
  demandHeaders(headers, await headersOfRoot(root));
  await copyRest(from, root);
  return demandSame(await readRpmDatabase(root, expected.architecture), expected);
}

/** The database of a snapshot where it lies. @throws as {@link importRpmSnapshot} */
export async function readRpmSnapshot(from: string, expected: SnapshotIdentity): Promise<PackageDatabase> {
  if (expected.backend !== "rpm") throw new BuildError([foreignSnapshot("backend", "rpm", expected.backend)]);
  return demandSame(await readRpmHeaders(from, expected.architecture), expected);
}

function demandHeaders(expected: readonly DatabaseHeader[], found: readonly DatabaseHeader[]): void {
  if (expected.length !== found.length)
    throw new BuildError([
      damagedSnapshot("the number of imported headers", String(expected.length), String(found.length)),
    ]);
  for (const [at, { key, sha256 }] of expected.entries()) {
    const other = found[at]!;
    if (other.key !== key || other.sha256 !== sha256)
      throw new BuildError([
        damagedSnapshot(`the header of \`${key}\``, sha256, `${other.key} ${other.sha256}`),
      ]);
  }
}

async function copyRest(from: string, to: string): Promise<void> {
  await copyMembers(join(from, DPKG_FOLDER), join(to, DPKG_FOLDER), {
    files: ["diversions", "statoverride"],
    folders: ["alternatives"],
  });
  await copyFrame(from, to);
}
