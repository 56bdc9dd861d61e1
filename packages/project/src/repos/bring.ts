/** All repositories of a project, where they are: those with a `url` cloned and checked out, the others found. */
import { existsSync, readdirSync } from "node:fs";
import { basename, dirname, join } from "node:path";
import { BuildError, eachLimited, git, nearest, type Diagnostic } from "@tsbake/base";
import * as problem from "../problems.js";
import { repositoryRoot } from "../file/includes.js";
import {
  checkOut,
  cloneCommand,
  demandOwn,
  demandSigned,
  type CheckedOut,
  type CheckoutOptions,
} from "./checkout.js";
import { patchRepository } from "./patches.js";
import { isRemote, layerFolder, sortedLayers, type Remote, type Repository } from "./repository.js";
import { commitOf } from "./revision.js";

/** Clones that run at the same time. */
const CLONES_AT_ONCE = 4;

/**
 * Where a repository is that no `url` is said of, or that nobody is to bring.
 *
 * @throws BuildError `project/repo-missing`
 */
function findRepository(repository: Repository, projectFile: string): string {
  const { id, folder, nearFile, at } = repository;
  if (isRemote(repository)) {
    if (existsSync(repository.folder)) return repository.folder;
    const command = cloneCommand(repository);
    throw new BuildError([problem.repoMissing(id, repository.folder, { command, near: [] }, at)]);
  }
  const own = dirname(projectFile);
  // As kas: the root of the project's repository. A project in a folder of a larger one has its layers beside its file.
  const places = folder === undefined ? [repositoryRoot(own) ?? own, own, nearFile] : [folder, nearFile];
  const hasLayers = (place: string): boolean =>
    repository.layers.every((layer) => existsSync(join(layerFolder(place, layer), "conf/layer.conf")));
  const found = places.find(hasLayers) ?? places.find((place) => existsSync(place));
  if (found !== undefined) return found;
  const near = nearest(basename(places[0]!), foldersIn(dirname(places[0]!)));
  throw new BuildError([problem.repoMissing(id, places[0]!, { command: undefined, near }, at)]);
}

/** What `bringAll` found. */
export interface BroughtRepositories {
  /** By the keys of `repos`. */
  readonly folders: ReadonlyMap<string, string>;
  /** Of those with a `url`, before patches. */
  readonly commits: ReadonlyMap<string, string>;
}

/**
 * @param options undefined: nothing is brought, and what is there is taken as it is
 * @param patches whether they are applied, when all repositories are there
 * @throws BuildError with all that is wrong
 */
export async function bringAll(
  repositories: readonly Repository[],
  projectFile: string,
  options: Omit<CheckoutOptions, "folders"> | undefined,
  patches: boolean,
): Promise<BroughtRepositories> {
  const folders = new Map<string, string>();
  const commits = new Map<string, string>();
  const problems: Diagnostic[] = [];
  const collect = async (action: () => Promise<void> | void): Promise<void> => {
    try {
      await action();
    } catch (error) {
      if (!(error instanceof BuildError)) throw error;
      problems.push(...error.diagnostics);
    }
  };
  const checkouts = new Map<Remote, CheckedOut>();
  const checkout = options && { ...options, folders };
  for (const repository of repositories) folders.set(repository.id, "");
  const bring = async (repository: Repository): Promise<void> => {
    if (!checkout || !isRemote(repository)) {
      const folder = findRepository(repository, projectFile);
      if (checkout && repository.signers) await demandSignedHead(repository, folder, checkout);
      folders.set(repository.id, folder);
      return;
    }
    const checkedOut = await checkOut(repository, checkout);
    checkouts.set(repository, checkedOut);
    folders.set(repository.id, repository.folder);
    commits.set(repository.id, checkedOut.commit);
    if (repository.signers && checkedOut.patches !== undefined)
      await warnOfChanges(repository, repository.folder, checkout);
  };
  for (const wave of wavesOf(repositories)) {
    await eachLimited(wave, CLONES_AT_ONCE, (repository) => collect(() => bring(repository)));
    if (problems.length > 0) throw new BuildError(problems);
  }
  for (const [repository, checkedOut] of patches ? checkouts : [])
    await collect(() => patchRepository(repository, checkedOut, folders, checkout!));
  if (problems.length > 0) throw new BuildError(problems);
  return { folders, commits };
}

/**
 * Each after those that have the keys of its signers.
 *
 * @throws BuildError `project/unknown-repo`, `project/bad-signer`
 */
function wavesOf(repositories: readonly Repository[]): Repository[][] {
  const known = new Set(repositories.map(({ id }) => id));
  const signers = repositories.flatMap((repository) => repository.signers ?? []);
  const strangers = signers.filter(({ repo }) => !known.has(repo));
  if (strangers.length > 0)
    throw new BuildError(strangers.map(({ repo, at }) => problem.unknownRepo(repo, [...known], at)));
  const waves: Repository[][] = [];
  let waiting = [...repositories];
  while (waiting.length > 0) {
    const late = new Set(waiting.map(({ id }) => id));
    const wave = waiting.filter(({ signers = [] }) => signers.every(({ repo }) => !late.has(repo)));
    if (wave.length === 0) {
      const [{ id, signers: [signer] = [] }] = waiting as [Repository];
      const reason = `its key comes from the repository \`${signer!.repo}\`, which cannot be had before \`${id}\` is verified with it`;
      throw new BuildError([problem.badSigner(signer!.name, reason, signer!.at)]);
    }
    waves.push(wave);
    waiting = waiting.filter((repository) => !wave.includes(repository));
  }
  return waves;
}

/** Of a repository that is taken as it is: its HEAD, or the tag that it is to be at. */
async function demandSignedHead(
  repository: Repository,
  folder: string,
  options: CheckoutOptions,
): Promise<void> {
  const { id, at } = repository;
  await demandOwn(id, folder, at);
  const commit = await commitOf(folder, "HEAD");
  if (commit === undefined) throw new BuildError([problem.badSignature(id, folder, "it has no commit", at)]);
  await demandSigned(repository, folder, commit, options);
  await warnOfChanges(repository, folder, options);
}

/** Nobody has signed what was changed since. */
async function warnOfChanges(
  { id, at }: Repository,
  folder: string,
  { onWarning }: CheckoutOptions,
): Promise<void> {
  const { stdout } = await git(["-C", folder, "status", "--porcelain", "--untracked-files=no"]);
  const [first, ...others] = stdout.split("\n").filter((line) => line !== "");
  if (first !== undefined) onWarning(problem.unsignedChanges(id, first.slice(3), others.length, at));
}

/** Folders of the layers that count, absolute, in the order of BBLAYERS; what is no layer is added to `problems`. */
export function foldersOfLayers(
  repositories: readonly Repository[],
  folders: ReadonlyMap<string, string>,
  problems: Diagnostic[],
): string[] {
  const found = sortedLayers(repositories).flatMap(({ repository, layer }) => {
    const path = layerFolder(folders.get(repository.id)!, layer);
    if (existsSync(join(path, "conf/layer.conf"))) return [path];
    problems.push(problem.layerMissing(path, layer.at));
    return [];
  });
  return [...new Set(found)];
}

function foldersIn(folder: string): string[] {
  try {
    const entries = readdirSync(folder, { withFileTypes: true });
    return entries.filter((entry) => entry.isDirectory()).map(({ name }) => name);
  } catch {
    return [];
  }
}
