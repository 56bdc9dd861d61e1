/**
 * Reads an rpm database into a PackageDatabase. In a root it is what rpmdb says of it; in a snapshot, a file a header. Packages are those
 * of Debian's archive and of recipes, and are called as they call themselves; alternatives, diversions and overrides are kept by
 * Debian's own tools below `/var/lib/dpkg`.
 */
import { copyFile, lstat, mkdir, mkdtemp, readdir, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { AT_ONCE, BuildError, byText, eachLimited, ifThere, nameOf, sha256 } from "@tsbake/base";
import { refuseLinks } from "@tsbake/sandbox";
import { byNameAndArchitecture, type InstalledPackage, type PackageDatabase } from "../database/database.js";
import { DPKG_FOLDER, nativeArchitecture, readHelpers } from "../deb/database.js";
import { parseStanzas } from "../deb/stanza.js";
import { interests } from "../ipk/database.js";
import { badDatabase, damagedSnapshot } from "../problems.js";
import { headerFiles } from "./format/files.js";
import { HeaderFault } from "./format/header.js";
import { originOf } from "./format/origin.js";
import { type DatabaseHeader, splitHeaders } from "./headers.js";
import { isAdminFile } from "./scriptlets.js";
import { exportDatabase, findRpm, importDatabase, RPM_FOLDER } from "./tool.js";

/** Below a snapshot: a file a header. */
export const HEADERS_FOLDER = `${RPM_FOLDER}/headers`;
/** What it cannot have when it is whole. */
const MOST_HEADER_BYTES = 64 * 1024 * 1024;

/** @throws BuildError `packaging/bad-database`, `packaging/no-rpm`, `sandbox/leaves-root` */
export async function readRpmDatabase(root: string, architecture?: string): Promise<PackageDatabase> {
  for (const folder of [RPM_FOLDER, DPKG_FOLDER]) await refuseLinks(root, folder);
  return databaseOf(root, await headersOfRoot(root), architecture);
}

/** The same of a snapshot. @throws BuildError `packaging/bad-database` */
export async function readRpmHeaders(root: string, architecture?: string): Promise<PackageDatabase> {
  return databaseOf(root, await headersOfSnapshot(root), architecture);
}

/** What a root's database consists of; anything else in its folder is a lock or memory that is shared. */
const DATABASE_FILES = ["rpmdb.sqlite", "rpmdb.sqlite-wal"];

/**
 * Every header of the database of a root.
 *
 * @param programs a PATH with rpm and rpmdb
 * @throws BuildError `packaging/bad-database`, `packaging/no-rpm`
 */
export async function headersOfRoot(root: string, programs?: string): Promise<DatabaseHeader[]> {
  const folder = join(root, RPM_FOLDER);
  return inScratch(async (scratch) => {
    // A copy: sqlite resolves links, and a root in memory is found through one.
    for (const name of DATABASE_FILES) {
      const found = await ifThere(lstat(join(folder, name)));
      if (found?.isFile()) await copyFile(join(folder, name), join(scratch, name));
      else if (name === DATABASE_FILES[0])
        throw new BuildError([badDatabase(folder, "there is no rpmdb.sqlite")]);
    }
    const file = join(scratch, "headers");
    await exportDatabase(await findRpm(programs), scratch, file);
    return splitHeaders(await readFile(file), folder);
  });
}

/**
 * Makes the database of a root anew, of these headers and nothing else: no locks, and the same bytes whatever happened before. What has
 * arrived is read again and compared.
 *
 * @param programs a PATH with rpm and rpmdb
 * @throws BuildError `packaging/damaged-snapshot`, `packaging/no-rpm`
 */
export async function writeRpmDatabase(
  root: string,
  headers: readonly DatabaseHeader[],
  programs?: string,
): Promise<void> {
  const folder = join(root, RPM_FOLDER);
  await inScratch(async (scratch) => {
    const file = join(scratch, "headers");
    await writeFile(file, Buffer.concat(headers.map(({ bytes }) => bytes)));
    const made = join(scratch, "database");
    await mkdir(made);
    await importDatabase(await findRpm(programs), made, file);
    await rm(folder, { recursive: true, force: true });
    await mkdir(folder, { recursive: true });
    for (const name of DATABASE_FILES) {
      const found = await ifThere(lstat(join(made, name)));
      if (found !== undefined && found.size > 0) await copyFile(join(made, name), join(folder, name));
    }
  });
  demandHeaders(headers, await headersOfRoot(root, programs));
}

function demandHeaders(expected: readonly DatabaseHeader[], found: readonly DatabaseHeader[]): void {
  if (expected.length !== found.length)
    throw new BuildError([
      damagedSnapshot("the number of imported headers", String(expected.length), String(found.length)),
    ]);
  for (const [at, { key, sha256: digest }] of expected.entries()) {
    const other = found[at]!;
    if (other.key !== key || other.sha256 !== digest)
      throw new BuildError([
        damagedSnapshot(`the header of \`${key}\``, digest, `${other.key} ${other.sha256}`),
      ]);
  }
}

async function inScratch<T>(body: (scratch: string) => Promise<T>): Promise<T> {
  const scratch = await mkdtemp(join(tmpdir(), "tsbake-rpm-"));
  try {
    return await body(scratch);
  } finally {
    await rm(scratch, { recursive: true, force: true });
  }
}

/** @throws BuildError `packaging/bad-database` for a file that is no header */
export async function headersOfSnapshot(root: string): Promise<DatabaseHeader[]> {
  const folder = join(root, HEADERS_FOLDER);
  const names = await ifThere(readdir(folder));
  if (names === undefined) throw new BuildError([badDatabase(folder, "it is not there")]);
  const files = await eachLimited(names.sort(byText), AT_ONCE, async (name) => {
    const path = join(folder, name);
    const found = await lstat(path);
    // A snapshot may come from anywhere.
    if (!found.isFile() || found.size > MOST_HEADER_BYTES)
      throw new BuildError([badDatabase(path, "it is no file with a header")]);
    return { name, path, bytes: await readFile(path) };
  });
  return files.map(({ name, path, bytes }) => {
    const [header, more] = splitHeaders(bytes, path);
    if (header === undefined || more !== undefined || `${header.key}.hdr` !== name)
      throw new BuildError([badDatabase(path, "it is not the one header that its name says")]);
    return header;
  });
}

async function databaseOf(
  root: string,
  headers: readonly DatabaseHeader[],
  architecture: string | undefined,
): Promise<PackageDatabase> {
  const packages = headers.map((one) => toPackage(one, root)).sort(byNameAndArchitecture);
  return {
    backend: "rpm",
    architecture: architecture ?? nativeArchitecture(packages.map(({ installed }) => installed)),
    packages: packages.map(({ installed }) => installed),
    ...(await readHelpers(root)),
    triggers: packages.flatMap(({ installed, triggers }) => interests(installed.name, triggers)).sort(byText),
  };
}

interface ReadPackage {
  readonly name: string;
  readonly architecture: string;
  readonly installed: InstalledPackage;
  readonly triggers: string;
}

function toPackage(one: DatabaseHeader, root: string): ReadPackage {
  const refuse = (reason: string): BuildError =>
    new BuildError([badDatabase(join(root, RPM_FOLDER), reason)]);
  try {
    const found = readPackage(one);
    if (found !== undefined) return found;
  } catch (error) {
    if (error instanceof HeaderFault) throw refuse(`\`${one.key}\`: ${error.message}`);
    throw error;
  }
  throw refuse(
    `\`${one.key}\` is no package of a Debian archive or a recipe, and others are not supported yet`,
  );
}

/** @returns undefined for a package that was none of Debian's @throws HeaderFault */
function readPackage({ header, sha256: digest }: DatabaseHeader): ReadPackage | undefined {
  const origin = originOf(header);
  const [stanza] = parseStanzas(nameOf(origin?.get("control")?.bytes ?? Buffer.alloc(0))).stanzas;
  const name = stanza?.get("Package");
  if (origin === undefined || stanza === undefined || name === undefined) return undefined;
  const files = headerFiles(header).filter(({ entry }) => !isAdminFile(entry.path));
  const members = [...origin].filter(([member]) => member !== "control");
  const architecture = stanza.get("Architecture") ?? "";
  const installed: InstalledPackage = {
    name,
    version: stanza.get("Version") ?? "",
    architecture,
    state: "installed",
    stanza: new Map(stanza).set("Status", "install ok installed"),
    files: files.map(({ entry }) => entry.path).sort(byText),
    conffiles: new Map(files.filter((one) => one.isConfig).map((one) => [one.entry.path, one.digest])),
    control: new Map([
      ...members.map(([member, { bytes }]): [string, string] => [member, sha256(bytes)]),
      // Of all that rpm knows of it: what its stanza does not say counts, too.
      ["header", digest],
    ]),
  };
  return {
    name,
    architecture,
    installed,
    triggers: nameOf(origin.get("triggers")?.bytes ?? Buffer.alloc(0)),
  };
}
