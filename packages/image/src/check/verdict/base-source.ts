/** A base that a person names, as what an extension is checked on; what was found out of it is kept by its digest. */
import { readdir, readFile, rm, stat } from "node:fs/promises";
import { dirname, join } from "node:path";
import {
  AT_ONCE,
  BuildError,
  eachLimited,
  readTextIfThere,
  sha256,
  sha256File,
  undefinedOn,
  writeFileAtomic,
} from "@tsbake/base";
import { baseOf } from "../base.js";
import type { Base } from "../context.js";
import { FileIndex } from "../../facts/file-manifest.js";
import { inspectWhole } from "../inspect/inspect.js";
import { LEVELS, levelOf } from "../../layer/extension-release.js";
import { parseTmpfiles } from "../../layer/tmpfiles.js";
import * as problems from "../../problems.js";
import { type OsRelease, parseOsRelease } from "../../snapshot/os-release.js";
import { levelDigest, openSnapshot } from "../../snapshot/snapshot.js";
import { folderTree, openImage } from "./content.js";
import { type Kept, packKept, unpackKept } from "./kept.js";

/** A base, and what systemd-sysext compares of it. */
export interface NamedBase extends Base {
  /** With SYSEXT_LEVEL as its image has it. */
  readonly osRelease: OsRelease;
}

/** Raised whenever something else is kept, or found out in another way. */
const KEPT_FORMAT = 4;
/** Of some 2 MB each. */
const MOST_KEPT = 300;
/** Hexadecimal. */
const DIGEST_BYTES = 64;
const SNAPSHOT_FILE = "snapshot.json";

export interface BaseSource {
  /** What to call it. */
  readonly name: string;
  readonly path: string;
  /** An empty folder of the caller's to unpack it in. */
  readonly scratch: string;
  /** Where what was found out is kept; undefined: nowhere. */
  readonly cache?: string | undefined;
}

/** @throws BuildError `image/bad-snapshot`, and those of {@link openImage} */
export async function readBase(source: BaseSource): Promise<NamedBase> {
  const { name, path, scratch, cache } = source;
  const key = cache === undefined ? undefined : await keyOf(path);
  const place = cache === undefined || key === undefined ? undefined : join(cache, `${key}.json`);
  const kept = place === undefined ? undefined : await readKept(place);
  if (kept !== undefined) return named(name, kept);
  const { folder } = await openImage(path, scratch);
  const isSnapshot = (await readTextIfThere(join(folder, SNAPSHOT_FILE))) !== undefined;
  const made = isSnapshot ? await ofSnapshot(folder, name) : await ofRoot(folder);
  if (place !== undefined) await keep(place, made);
  return named(name, made);
}

/** What stands for all of a base: the digests that its snapshot has of itself, or that of a file. A folder has none. */
async function keyOf(path: string): Promise<string | undefined> {
  const found = await undefinedOn(stat(path), "ENOENT", "ENOTDIR");
  if (found?.isFile()) return sha256(`${KEPT_FORMAT} ${await sha256File(path)}`);
  const snapshot = await readTextIfThere(join(path, SNAPSHOT_FILE));
  return snapshot === undefined ? undefined : sha256(`${KEPT_FORMAT} ${snapshot}`);
}

async function ofSnapshot(folder: string, name: string): Promise<Kept> {
  const snapshot = await openSnapshot(folder);
  const { index, tmpfiles, inspected, extensions = [] } = await baseOf(snapshot, name);
  const fields = new Map(snapshot.osRelease);
  // As do_image stamps it, unless the base has a level of its own.
  for (const name of LEVELS) if (!fields.has(name)) fields.set(name, levelOf(levelDigest(snapshot)));
  const osRelease = [...fields];
  return { entries: [...index.entries()], tmpfiles, ...(inspected && { inspected }), osRelease, extensions };
}

const TMPFILES = /^\/(usr\/lib|etc)\/tmpfiles\.d\/[^/]+\.conf$/;

async function ofRoot(folder: string): Promise<Kept> {
  const tree = await folderTree(folder);
  const entries = [...tree.entries()];
  const tmpfiles = entries
    .filter(({ path }) => TMPFILES.test(path))
    .flatMap((entry) => parseTmpfiles(tree.textOf(entry), entry.path));
  const text = tree.text("/usr/lib/os-release") || tree.text("/etc/os-release");
  if (text === "" && !entries.some(({ path }) => path === "/usr"))
    throw new BuildError([
      problems.noImage(folder, "it is neither a root with /usr nor a snapshot of a package database"),
    ]);
  const inspected = await inspectWhole(tree);
  return { entries, tmpfiles, inspected, osRelease: [...parseOsRelease(text, "os-release")] };
}

function named(name: string, { entries, osRelease, extensions = [], ...rest }: Kept): NamedBase {
  return { name, index: new FileIndex(entries), osRelease: new Map(osRelease), extensions, ...rest };
}

async function readKept(place: string): Promise<Kept | undefined> {
  const bytes = await undefinedOn(readFile(place), "ENOENT");
  if (bytes === undefined) return undefined;
  const body = bytes.subarray(DIGEST_BYTES + 1);
  // Whole, and by its name of this very format: it is as it was written.
  if (sha256(body) !== bytes.toString("latin1", 0, DIGEST_BYTES)) return undefined;
  return unpackKept(body.toString("latin1"));
}

async function keep(place: string, made: Kept): Promise<void> {
  const body = packKept(made);
  await writeFileAtomic(place, `${sha256(body)}\n${body}`, { sync: false });
  await forgetOldest(dirname(place));
}

/** Those that were not used longest go. */
async function forgetOldest(folder: string): Promise<void> {
  const names = (await readdir(folder)).filter((name) => name.endsWith(".json"));
  if (names.length <= MOST_KEPT) return;
  const aged = await eachLimited(names, AT_ONCE, async (name) => ({
    path: join(folder, name),
    usedMs: (await stat(join(folder, name))).atimeMs,
  }));
  aged.sort((left, right) => right.usedMs - left.usedMs);
  for (const { path } of aged.slice(MOST_KEPT)) await rm(path, { force: true });
}
