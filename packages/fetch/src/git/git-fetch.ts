/**
 * `git://`: one bare clone a repository in DL_DIR/git2, for all recipes, or its archive. The commit is always given in full:
 * it is the checksum of the sources.
 */
import { mkdir, rename, rm } from "node:fs/promises";
import { dirname, join } from "node:path";
import { unpackTar } from "@tsbake/archive";
import {
  BuildError,
  git,
  gitReason,
  isThere,
  lockFile,
  messageOf,
  redact,
  removeTree,
  scratchFolder,
  sizeIfThere,
  syncTree,
  words,
} from "@tsbake/base";
import { ownRepository } from "./git-program.js";
import { clonePath, gitSource, repositoryOf, type GitSource } from "./git-source.js";
import { makeShallow, makeTarball } from "./git-tarball.js";
import { forbiddenProblem, placesOf, type MirrorPlace } from "../download/mirrors.js";
import type { FetchOptions } from "../settings/options.js";
import { bring, openClient, prepareFile, progressOf, settle } from "../download/part-file.js";
import { downloadFailed, gitFailed, notOnBranch, unusableFolder, wrongTag } from "../problems.js";
import { flagOf, type SourceUri } from "../source/source-uri.js";

/**
 * Makes sure that the clone has the commit on its branch, or that there is an archive without history.
 *
 * @returns the path of the bare clone, or of the archive
 * @throws BuildError `fetch/missing-revision`, `fetch/not-on-branch`, `fetch/download-failed`, `fetch/no-network`, …
 */
export async function fetchGit(source: SourceUri, options: FetchOptions): Promise<string> {
  const wanted = gitSource(source, options);
  if (await isComplete(wanted)) return wanted.clone;
  await makeFolder(dirname(wanted.clone));
  await using _lock = await lockFile(`${wanted.clone}.lock`, { holder: holder(), mode: 0o664 });
  if (!(await isFine(wanted))) {
    const instead = await bringRepository(wanted, options);
    if (instead !== undefined) return instead;
    await explain(wanted);
    await refuseLfs(wanted, wanted.clone);
  }
  await keepTarballs(wanted, options);
  return wanted.clone;
}

/** Deletes the bare clone, which other recipes may share, and its archives; they fetch it again. */
export async function removeClone(
  source: SourceUri,
  options: Pick<FetchOptions, "dlDir" | "gitDir">,
): Promise<void> {
  const clone = clonePath(source, options);
  const name = clone.slice(clone.lastIndexOf("/") + 1);
  await rm(join(options.dlDir, `git2_${name}.tar.gz`), { force: true });
  if (!(await isThere(clone))) return;
  await using _lock = await lockFile(`${clone}.lock`, { holder: holder(), mode: 0o664 });
  await removeTree(clone);
}

/** Without the URI, which may hold a login: others read it. */
function holder(): string {
  return `tsbake-fetch (process ${process.pid})`;
}

async function makeFolder(folder: string): Promise<void> {
  try {
    await mkdir(folder, { recursive: true });
  } catch (error) {
    throw new BuildError([unusableFolder(folder, messageOf(error))], { cause: error });
  }
}

async function isComplete(wanted: GitSource): Promise<boolean> {
  const { keepsTarball, tarball, shallow } = wanted;
  if (!(await isFine(wanted))) return false;
  if (shallow) return !shallow.keepsTarball || isThere(shallow.tarball);
  return !keepsTarball || isThere(tarball);
}

/** Whether the clone has the commit, on its branch, and the tag for it. */
export async function isFine(wanted: GitSource): Promise<boolean> {
  const { clone, revision, branch, tag } = wanted;
  if (!(await hasCommit(clone, revision))) return false;
  if (branch !== undefined && !(await isOn(clone, revision, branch))) return false;
  return tag === undefined || (await tagged(clone, tag)) !== undefined;
}

/** Why a clone that could be brought up to date is still not fine. */
async function explain({ source, clone, revision, branch, tag }: GitSource): Promise<void> {
  if (!(await hasCommit(clone, revision))) {
    throw new BuildError([downloadFailed(source.uri, [`it has no commit ${revision}`])]);
  }
  if (branch !== undefined && !(await isOn(clone, revision, branch))) {
    throw new BuildError([notOnBranch(source.uri, revision, branch)]);
  }
  if (tag !== undefined && (await tagged(clone, tag)) === undefined) {
    throw new BuildError([wrongTag(source.uri, tag, undefined, revision)]);
  }
}

async function hasCommit(clone: string, revision: string): Promise<boolean> {
  if (!(await ownRepository(clone))) return false;
  return (await git(["-C", clone, "cat-file", "-e", `${revision}^{commit}`])).code === 0;
}

async function isOn(clone: string, revision: string, branch: string): Promise<boolean> {
  const found = await git(["-C", clone, "branch", "--format=%(refname)", "--contains", revision]);
  return found.code === 0 && words(found.stdout).includes(`refs/heads/${branch}`);
}

/** The commit of a tag. */
export async function tagged(repository: string, tag: string): Promise<string | undefined> {
  const found = await git(["-C", repository, "rev-parse", "-q", "--verify", `refs/tags/${tag}^{commit}`]);
  return found.code === 0 ? found.stdout.trim() : undefined;
}

/** Large files that git does not have: what would be checked out are notes in their place. */
export async function refuseLfs({ source, revision }: GitSource, repository: string): Promise<void> {
  if (!flagOf(source, "lfs", true)) return;
  const files = ["--", ":(glob)**/.gitattributes"];
  const found = await git(["-C", repository, "grep", "-q", "^[^#].*filter=lfs", revision, ...files]);
  if (found.code !== 0) return;
  const why = "it has files of git-lfs, which is not supported; `lfs=0` checks out what stands for them";
  throw new BuildError([downloadFailed(redact(source.uri), [why])]);
}

/** @returns the archive that stands in for a clone; undefined when the clone is there */
async function bringRepository(wanted: GitSource, options: FetchOptions): Promise<string | undefined> {
  const { source, clone, tarball, shallow } = wanted;
  if (shallow && (await sizeIfThere(shallow.tarball)) > 0) return shallow.tarball;
  if ((await sizeIfThere(tarball)) > 0) {
    const fault = await adopt(tarball, wanted, options);
    if (fault !== undefined) options.onWarning?.(`${tarball} is not used: ${fault}`);
    if (await isFine(wanted)) return undefined;
  }
  const places = placesFor(wanted, await isThere(clone), options);
  const reasons: string[] = [];
  let hasAnswered = false;
  let isBroken = false;
  for (const place of places) {
    if (place.forbidden) continue;
    const outcome = await tryPlace(place, wanted, options);
    if (typeof outcome === "object") {
      reasons.push(`${place.url}: ${outcome.reason}`);
      isBroken ||= outcome.isBroken === true;
    } else if (outcome !== undefined) return outcome;
    else if (await isFine(wanted)) return undefined;
    else hasAnswered = true;
  }
  const forbidden = forbiddenProblem(redact(source.uri), places, clone, options);
  // What a place has and is not the commit: `explain` says what it is, unless another place could have it.
  if (hasAnswered && (!forbidden || (await hasCommit(clone, wanted.revision)))) return undefined;
  if (forbidden && !isBroken) throw new BuildError([forbidden]);
  if (forbidden) reasons.push(`elsewhere: ${forbidden.message}`);
  throw new BuildError([
    downloadFailed(
      redact(source.uri),
      reasons.map((one) => redact(one)),
    ),
  ]);
}

function placesFor(wanted: GitSource, hasClone: boolean, options: FetchOptions): MirrorPlace[] {
  const { source, tarball, shallow } = wanted;
  const tarballs = [...(shallow ? [shallow.tarball] : []), tarball].map((path) =>
    path.slice(path.lastIndexOf("/") + 1),
  );
  const all = placesOf({ url: source.uri, tarballs }, options);
  const upstream = all.find(({ isUpstream }) => isUpstream);
  // A clone is brought up to date at its own place: a mirror may be older than it is.
  const isFirst = hasClone && !options.premirrorOnly && upstream?.forbidden === undefined;
  return isFirst && upstream ? [upstream, ...all.filter((place) => place !== upstream)] : all;
}

type Outcome = string | undefined | { readonly reason: string; readonly isBroken?: boolean };

/** An archive, or a repository. @returns the archive without history, if it is that that came */
async function tryPlace(place: MirrorPlace, wanted: GitSource, options: FetchOptions): Promise<Outcome> {
  const { source, clone, tarball, shallow } = wanted;
  if (/^(https?|file):/.test(place.url)) {
    const path = [shallow?.tarball, tarball].find(
      (one) => one !== undefined && place.url.endsWith(encodeURI(one.slice(one.lastIndexOf("/")))),
    );
    if (path === undefined) return { reason: "it is no archive of the repository" };
    const missing = await bringTarball(place.url, path, options);
    if (missing !== undefined) return { reason: missing };
    if (path === shallow?.tarball) return path;
    const fault = await adopt(path, wanted, options);
    if (fault === undefined) return undefined;
    await rm(path, { force: true });
    options.onWarning?.(`${redact(place.url)} is no archive of a repository: ${fault}`);
    return { reason: fault, isBroken: true };
  }
  if (!place.url.startsWith("git://")) return { reason: "there is no fetcher for it" };
  const repository = repositoryOf(place.url, source.uri);
  if (shallow && !(await isThere(clone))) {
    const fault = await makeShallow(wanted, repository, shallow);
    if (fault === undefined) return shallow.tarball;
    options.onWarning?.(`${repository} gives no clone without history (${fault}); all of it is cloned`);
  }
  const said = await mirror(repository, wanted, options);
  return said === undefined ? undefined : { reason: said };
}

async function bringTarball(url: string, path: string, options: FetchOptions): Promise<string | undefined> {
  const part = `${path}.part`;
  await rm(part, { force: true });
  await prepareFile(part, options.dlDir);
  const client = openClient(options);
  try {
    const missing = await bring(url, { client, part, onBytes: progressOf(path, options) });
    if (missing !== undefined) return missing;
    if ((await sizeIfThere(part)) === 0) return "the file is empty";
    await settle(part, path);
    return undefined;
  } catch (error) {
    return messageOf(error);
  } finally {
    client.close();
    await rm(part, { force: true });
  }
}

/** Takes what an archive of a clone has; it is only read, since its configuration is a stranger's. @returns what is wrong */
async function adopt(tarball: string, wanted: GitSource, options: FetchOptions): Promise<string | undefined> {
  const folder = await scratch(wanted.clone);
  try {
    await unpackTar(tarball, folder, { owner: "self" });
    await rm(join(folder, "objects/info/alternates"), { force: true });
    return await mirror(folder, wanted, options, false);
  } catch (error) {
    return messageOf(error);
  } finally {
    await removeTree(folder);
  }
}

async function scratch(clone: string): Promise<string> {
  try {
    return await scratchFolder(`${clone}.tmp-`);
  } catch (error) {
    throw new BuildError([unusableFolder(dirname(clone), messageOf(error))], { cause: error });
  }
}

/** Clones, or brings an existing clone up to date. @returns what git said when it failed */
async function mirror(
  repository: string,
  { source, clone, tarball }: GitSource,
  options: FetchOptions,
  outdates = true,
): Promise<string | undefined> {
  const onProgress = (percent: number): void => options.onProgress?.(redact(repository), percent);
  if (await ownRepository(clone)) {
    const refs = "+refs/*:refs/*";
    const update = [
      "-C",
      clone,
      "fetch",
      "--progress",
      "--force",
      "--update-head-ok",
      "--",
      repository,
      refs,
    ];
    const { code, stderr } = await git(update, { onProgress });
    // The next one holds what has come.
    if (code === 0 && outdates) await rm(tarball, { force: true });
    return code === 0 ? undefined : gitReason(stderr);
  }
  // What is there is no repository; git would take one above it. Anew, beside it, so that it appears whole.
  const folder = await scratch(clone);
  try {
    const target = join(folder, "clone");
    const make = ["clone", "--progress", "--bare", "--mirror", "--template=", "--", repository, target];
    const { code, stderr } = await git(make, { onProgress });
    if (code !== 0) return gitReason(stderr);
    const place = repositoryOf(source.uri, source.uri);
    const set = await git(["-C", target, "remote", "set-url", "origin", redact(place)]);
    if (set.code !== 0) return gitReason(set.stderr);
    syncTree(target);
    await removeTree(clone);
    await rename(target, clone);
    return undefined;
  } finally {
    await removeTree(folder);
  }
}

async function keepTarballs(wanted: GitSource, options: FetchOptions): Promise<void> {
  const { source, clone, keepsTarball, tarball, shallow } = wanted;
  if (shallow) {
    if (!shallow.keepsTarball || (await isThere(shallow.tarball))) return;
    const fault = await makeShallow(wanted, clone, shallow);
    if (fault !== undefined)
      throw new BuildError([gitFailed(source.uri, "make a clone without history", fault)]);
  } else if (keepsTarball && !(await isThere(tarball))) {
    await makeTarball(wanted, options);
  }
}
