/**
 * Brings the packages of a closure into a pool folder: by apt's own fetcher, whose proxies, credentials and mirrors count, or
 * by a copy where the archive is a folder. The pool keeps contents: two of one name and version lie side by side in it.
 */
import { copyFile, lstat, mkdir, open, realpath, rename, rm } from "node:fs/promises";
import { constants } from "node:fs";
import { dirname, join } from "node:path";
import {
  BuildError,
  eachLimited,
  fullDisk,
  hasCode,
  HttpClient,
  ifThere,
  messageOf,
  needSpace,
  run,
  scratchFolder,
  sha256File,
} from "@tsbake/base";
import type { Diagnostic } from "@tsbake/base";
import type { Closure, ClosurePackage } from "./closure.js";
import { badFeed, downloadFailed, noApt, otherContent, superseded } from "../problems.js";

export interface DownloadOptions {
  /** true: they are on a server that is no apt archive, and apt is not asked. */
  readonly server?: boolean;
  readonly onProgress?: (text: string) => void;
  readonly signal?: AbortSignal;
}

const HELPER = "/usr/lib/apt/apt-helper";
/** Keeps a command line well below the kernel's limit. */
const BATCH = 200;
/** Files that are read at a time. */
const READERS = 8;

/** Its name in the pool: `NAME_VERSION_ARCH.SHA.deb`, or `.ipk`, `.rpm`. */
export function poolName({ file, sha256 }: ClosurePackage): string {
  const ending = /\.(?:ipk|rpm)$/.exec(file)?.[0] ?? ".deb";
  return `${file.slice(0, file.endsWith(ending) ? -ending.length : undefined)}.${sha256.slice(0, 16)}${ending}`;
}

/** The packages of a closure, each with its name in the pool as `file`. */
export function inPool(packages: readonly ClosurePackage[]): ClosurePackage[] {
  return packages.map((one) => ({ ...one, file: poolName(one) }));
}

/**
 * Brings every package of the closure that is not there, or not whole, into `pool`; each is verified by SHA-256 and
 * appears whole or not at all. Safe for two processes on one pool. Who installs verifies again.
 *
 * @throws BuildError `base/disk-full`, `packaging/superseded`, `packaging/other-content`, `packaging/download-failed`
 */
export async function downloadClosure(
  closure: Closure,
  pool: string,
  options: DownloadOptions = {},
): Promise<void> {
  await mkdir(pool, { recursive: true });
  const whole = await eachLimited(closure.packages, READERS, (one) =>
    isWhole(join(pool, poolName(one)), one),
  );
  const wanted = closure.packages.filter((_, at) => !whole[at]);
  if (wanted.length === 0) return;
  const sizeBytes = wanted.reduce((sum, one) => sum + one.sizeBytes, 0);
  needSpace(pool, sizeBytes, `downloading ${wanted.length} ${wanted.length === 1 ? "package" : "packages"}`);
  const scratch = await scratchFolder(join(pool, ".incoming-"));
  try {
    const [local, remote] = [wanted.filter(isLocal), wanted.filter((one) => !isLocal(one))];
    const said = new Map<ClosurePackage, string>();
    await eachLimited(local, READERS, async (one) => copy(one, join(scratch, one.sha256)));
    const all = wanted.length;
    if (options.server) await fetchOwn(remote, scratch, { ...options, done: local.length, all, said });
    for (let at = 0; !options.server && at < remote.length; at += BATCH) {
      const some = remote.slice(at, at + BATCH);
      const text = await fetchBatch(some, scratch, { ...options, done: local.length + at, all });
      for (const one of some) said.set(one, text);
    }
    const problems = await eachLimited(wanted, READERS, async (one) => {
      const problem = await keep(one, pool, scratch, said.get(one));
      // A folder's index is read in each build: no other one will do.
      const isMissing = problem?.code === "packaging/superseded" && options.server && isLocal(one);
      return isMissing
        ? badFeed(dirname(pathOf(one)), `its index names ${one.file}, which is not there`)
        : problem;
    });
    const found = problems.filter((one) => one !== undefined);
    // Of a file that did not fit apt says that its content is another, or that the network failed.
    const texts = [...new Set(said.values())].join("\n");
    const full = found.length > 0 ? fullDisk(pool, [], "packages cannot be downloaded", texts) : undefined;
    if (found.length > 0) throw new BuildError(full ? [full] : found);
  } finally {
    await rm(scratch, { recursive: true, force: true });
  }
}

/** A link is not: what it leads to is not the pool's. */
async function isWhole(path: string, one: ClosurePackage): Promise<boolean> {
  const there = await ifThere(lstat(path));
  return (
    (there?.isFile() ?? false) && there?.size === one.sizeBytes && (await sha256File(path)) === one.sha256
  );
}

/** An archive that is a folder of this machine. apt would make links into it. */
function isLocal({ uri }: ClosurePackage): boolean {
  return /^(?:file|copy):/.test(uri);
}

/** Nothing is copied of what the archive does not have. */
async function copy(one: ClosurePackage, path: string): Promise<void> {
  await ifThere(copyFile(pathOf(one), path, constants.COPYFILE_FICLONE));
}

/** Where an archive that is a folder has it. */
function pathOf({ uri }: ClosurePackage): string {
  return decodeURIComponent(uri.replace(/^(?:file|copy):(?:\/\/)?/, ""));
}

interface Batch extends DownloadOptions {
  readonly done: number;
  readonly all: number;
}

/** Without apt: `~/.netrc` and the usual proxy variables count. What could not be had stands in `said`, in apt's words. */
async function fetchOwn(
  wanted: readonly ClosurePackage[],
  scratch: string,
  { onProgress, signal, said, done, all }: Batch & { readonly said: Map<ClosurePackage, string> },
): Promise<void> {
  const client = new HttpClient(signal ? { signal } : {});
  let got = done;
  try {
    await eachLimited(wanted, READERS, async (one) => {
      try {
        const { status } = await client.download(one.uri, join(scratch, one.sha256));
        if (status !== 200) said.set(one, `${status} ${one.file}`);
      } catch (error) {
        if (error instanceof BuildError) throw error;
        said.set(one, messageOf(error));
      }
      onProgress?.(`${++got} of ${all} packages`);
    });
  } finally {
    client.close();
  }
}

/** @returns what apt said; what arrived lies in `scratch` under its SHA-256 */
async function fetchBatch(wanted: readonly ClosurePackage[], scratch: string, batch: Batch): Promise<string> {
  const args = ["-o", "APT::Sandbox::User=root", "-o", "Acquire::Retries=3", "download-file"];
  for (const one of wanted) args.push(one.uri, join(scratch, one.sha256), `SHA256:${one.sha256}`);
  let got = batch.done;
  const said = await run(HELPER, args, {
    // One that could not be had is no reason not to look at the others.
    mayFail: true,
    onOutput: (text) => {
      got += text.split("\n").filter((line) => line.startsWith("Get:")).length;
      batch.onProgress?.(`${Math.min(got, batch.all)} of ${batch.all} packages`);
    },
    ...(batch.signal ? { signal: batch.signal } : {}),
  }).catch((error: unknown) => {
    if (hasCode(error, "ENOENT")) throw new BuildError([noApt(HELPER)]);
    throw error;
  });
  return said.stderr + said.stdout;
}

/** Puts what arrived into the pool, in place of whatever has its name there. @returns what is wrong with it */
async function keep(
  one: ClosurePackage,
  pool: string,
  scratch: string,
  said: string | undefined,
): Promise<Diagnostic | undefined> {
  const path = join(scratch, one.sha256);
  // A method of apt may leave a link, to a cache or a mirror of its own.
  await replaceLink(path);
  const digest = await ifThere(sha256File(path));
  if (digest === one.sha256) {
    const place = join(pool, poolName(one));
    await sync(path);
    if ((await ifThere(lstat(place)))?.isDirectory()) await rm(place, { recursive: true });
    await rename(path, place);
    return undefined;
  }
  if (digest !== undefined) return otherContent(one.name, one.version, [one.sha256, digest]);
  if (said === undefined || isGone(said, one)) return superseded(one.name, one.version);
  const received = receivedDigest(said, one);
  if (received !== undefined) return otherContent(one.name, one.version, [one.sha256, received]);
  return downloadFailed(one.name, said);
}

/** A symbolic link becomes the file that it leads to; anything else stays. */
export async function replaceLink(path: string): Promise<void> {
  if (!(await ifThere(lstat(path)))?.isSymbolicLink()) return;
  const target = await ifThere(realpath(path));
  await rm(path);
  if (target !== undefined) await copyFile(target, path, constants.COPYFILE_FICLONE);
}

/** What is renamed before its bytes are on the disk can be empty after a power cut. */
async function sync(path: string): Promise<void> {
  const file = await open(path);
  try {
    await file.sync();
  } finally {
    await file.close();
  }
}

/** Whether the server said that it does not have this file (any more). */
function isGone(said: string, one: ClosurePackage): boolean {
  return said
    .split("\n")
    .some((line) => /\b404\b|File not found/.test(line) && line.includes(one.file.split("_")[0] ?? ""));
}

/** Of a file with other bytes than the index says, apt prints both digests. */
function receivedDigest(said: string, one: ClosurePackage): string | undefined {
  const at = said.indexOf(`SHA256:${one.sha256}`);
  if (at < 0) return undefined;
  return /^[^]*?of received file:[^]*?SHA256:([0-9a-f]{64})/.exec(said.slice(at))?.[1];
}
