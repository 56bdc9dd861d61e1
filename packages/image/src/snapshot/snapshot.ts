/**
 * A base's snapshot: its package database as a canonical tree, its file manifest and its os-release, and one small file
 * that says what all of that is. Taken when every package is installed and before anything is post-processed.
 *
 *     snapshot.json   what it is and the digests of the rest
 *     database/…      the database's own files, as below the root
 *     files.jsonl     the base's file manifest
 *     tmpfiles.jsonl  what the base's tmpfiles.d files make
 *     elf.jsonl       what its ELF files need and give
 *     base.json       its accounts, and where it looks for libraries
 *     os-release      the base's /usr/lib/os-release
 */
import type { FileEntry } from "@tsbake/archive";
import { mkdir, readFile, rm, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { BuildError, hasCode, sha256 } from "@tsbake/base";
import { digest, list, readData, size } from "@tsbake/base/data";
import type { SnapshotIdentity } from "@tsbake/packaging";
import * as v from "valibot";
import { parseFileManifest } from "../facts/file-manifest.js";
import { BaseFacts } from "../check/inspect/base-facts.js";
import { formatElfFacts, parseElfFacts } from "../check/inspect/elf-facts.js";
import type { Inspected } from "../check/inspect/inspect.js";
import { type OsRelease, parseOsRelease } from "./os-release.js";
import { ShippedLine } from "../layer/tmpfiles.js";
import * as problems from "../problems.js";

const FORMAT = 3;
/** Without what extensions are checked with. */
const OLDER_FORMAT = 2;

const SnapshotFacts = v.object({
  format: v.picklist([OLDER_FORMAT, FORMAT]),
  backend: v.picklist(["deb", "ipk", "rpm"]),
  architecture: v.string(),
  /** Packages of the database, and its digest. */
  count: size,
  digest,
  distro: v.string(),
  /** Of `files.jsonl`, `tmpfiles.jsonl`, `os-release`, and of `elf.jsonl` and `base.json`, which an older one has not. */
  filesDigest: digest,
  tmpfilesDigest: digest,
  osReleaseDigest: digest,
  elfDigest: v.exactOptional(digest),
  baseDigest: v.exactOptional(digest),
  /**
   * Of an extension with its base: the digest of the package database of the base at the end of the chain, and the names of the
   * extensions on it, the lowest first.
   */
  below: v.exactOptional(v.object({ digest, extensions: list(v.string()) })),
});
/** What `snapshot.json` holds. */
export type SnapshotFacts = Readonly<v.InferOutput<typeof SnapshotFacts>>;

export interface Snapshot {
  /** Absolute. */
  readonly folder: string;
  readonly facts: SnapshotFacts;
  readonly osRelease: OsRelease;
}

export const DATABASE_FOLDER = "database";
const FACTS_FILE = "snapshot.json";
const FILES_FILE = "files.jsonl";
const OS_RELEASE_FILE = "os-release";
const TMPFILES_FILE = "tmpfiles.jsonl";
const ELF_FILE = "elf.jsonl";
const BASE_FILE = "base.json";

/**
 * Completes a snapshot folder in which the database tree already lies.
 *
 * @param files the file manifest's text
 * @param osRelease text of os-release; "" for a base without one
 */
export async function writeSnapshot(
  folder: string,
  identity: SnapshotIdentity,
  rest: {
    readonly distro: string;
    readonly files: string;
    readonly tmpfiles: readonly ShippedLine[];
    readonly osRelease: string;
    readonly inspected?: Inspected;
    readonly below?: SnapshotFacts["below"];
  },
): Promise<SnapshotFacts> {
  await mkdir(folder, { recursive: true });
  const { backend, architecture, count, digest } = identity;
  const tmpfiles = rest.tmpfiles.map((line) => `${JSON.stringify(line)}\n`).join("");
  const { inspected } = rest;
  const elf = inspected && formatElfFacts(inspected.elf);
  const base = inspected && `${JSON.stringify(inspected.base)}\n`;
  const facts: SnapshotFacts = {
    format: FORMAT,
    backend,
    architecture,
    count,
    digest,
    distro: rest.distro,
    filesDigest: sha256(rest.files),
    tmpfilesDigest: sha256(tmpfiles),
    osReleaseDigest: sha256(rest.osRelease),
    ...(elf === undefined ? {} : { elfDigest: sha256(elf) }),
    ...(base === undefined ? {} : { baseDigest: sha256(base) }),
    ...(rest.below && { below: rest.below }),
  };
  if (elf !== undefined) await writeFile(join(folder, ELF_FILE), elf);
  if (base !== undefined) await writeFile(join(folder, BASE_FILE), base);
  await writeFile(join(folder, FILES_FILE), rest.files);
  await writeFile(join(folder, TMPFILES_FILE), tmpfiles);
  await writeFile(join(folder, OS_RELEASE_FILE), rest.osRelease);
  await writeFile(join(folder, FACTS_FILE), `${JSON.stringify(facts, undefined, 2)}\n`);
  return facts;
}

/**
 * Opens a snapshot folder and checks everything but the database itself, which the backend proves on import.
 *
 * @param expect what the extension is built for; a snapshot of another kind is refused
 * @throws BuildError `image/bad-snapshot`
 */
export async function openSnapshot(
  folder: string,
  expect: { readonly architecture?: string | undefined; readonly backend?: string | undefined } = {},
): Promise<Snapshot> {
  const bad = (why: string): BuildError => new BuildError([problems.badSnapshot(folder, why)]);
  const facts = readData(SnapshotFacts, await read(folder, FACTS_FILE), (reason) =>
    problems.badSnapshot(folder, `${FACTS_FILE} is not of a snapshot of format ${FORMAT}: ${reason}`),
  );
  for (const key of ["architecture", "backend"] as const) {
    const wanted = expect[key];
    if (wanted !== undefined && facts[key] !== wanted)
      throw bad(`its ${key} is ${facts[key]}, not ${wanted}`);
  }
  const osRelease = await read(folder, OS_RELEASE_FILE);
  if (sha256(osRelease) !== facts.osReleaseDigest)
    throw bad(`${OS_RELEASE_FILE} is not the one that it was taken with`);
  return { folder, facts, osRelease: parseOsRelease(osRelease, join(folder, OS_RELEASE_FILE)) };
}

/** The digest by which a device's level is known: that of the base without extensions. */
export function levelDigest({ facts }: Snapshot): string {
  return facts.below?.digest ?? facts.digest;
}

/** The base's file manifest. @throws BuildError `image/bad-snapshot` when it is not the one of the snapshot */
export async function snapshotFiles(snapshot: Snapshot): Promise<FileEntry[]> {
  const text = await readWhole(snapshot, FILES_FILE, snapshot.facts.filesDigest);
  return parseFileManifest(text, join(snapshot.folder, FILES_FILE));
}

/** What the base's tmpfiles.d files make. @throws BuildError `image/bad-snapshot` as {@link snapshotFiles} */
export async function snapshotTmpfiles(snapshot: Snapshot): Promise<ShippedLine[]> {
  const text = await readWhole(snapshot, TMPFILES_FILE, snapshot.facts.tmpfilesDigest);
  return text
    .split("\n")
    .filter((line) => line !== "")
    .map((line) =>
      readData(ShippedLine, line, (reason) =>
        problems.badSnapshot(snapshot.folder, `${TMPFILES_FILE}: ${reason}`),
      ),
    );
}

/** What extensions are checked with; undefined for an older snapshot. @throws BuildError `image/bad-snapshot` */
export async function snapshotInspected(snapshot: Snapshot): Promise<Inspected | undefined> {
  const { elfDigest, baseDigest } = snapshot.facts;
  if (elfDigest === undefined || baseDigest === undefined) return undefined;
  const refuse = (name: string) => (reason: string) =>
    problems.badSnapshot(snapshot.folder, `${name}: ${reason}`);
  const base = await readWhole(snapshot, BASE_FILE, baseDigest);
  return {
    elf: parseElfFacts(await readWhole(snapshot, ELF_FILE, elfDigest), refuse(ELF_FILE)),
    base: readData(BaseFacts, base, refuse(BASE_FILE)),
  };
}

async function readWhole({ folder }: Snapshot, name: string, digest: string): Promise<string> {
  const text = await read(folder, name);
  if (sha256(text) === digest) return text;
  throw new BuildError([problems.badSnapshot(folder, `${name} is not the one that it was taken with`)]);
}

/** Removes a half-written snapshot before a new one is taken. */
export async function clearSnapshot(folder: string): Promise<void> {
  await rm(folder, { recursive: true, force: true });
  await mkdir(join(folder, DATABASE_FOLDER), { recursive: true });
}

async function read(folder: string, name: string): Promise<string> {
  try {
    return await readFile(join(folder, name), "utf8");
  } catch (error) {
    if (!hasCode(error, "ENOENT", "ENOTDIR")) throw error;
    throw new BuildError([problems.badSnapshot(folder, `${name} is missing`)]);
  }
}
