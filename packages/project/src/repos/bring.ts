/** All repositories of a project, where they are: those with a `url` cloned and checked out, the others found. */
import { existsSync, readdirSync } from "node:fs";
import { basename, dirname, join } from "node:path";
import { BuildError, eachLimited, nearest, type Diagnostic } from "@tsbake/base";
import * as problem from "../problems.js";
import { repositoryRoot } from "../file/includes.js";
import {
  checkOut,
  cloneCommand,
  isRemote,
  type CheckedOut,
  type CheckoutOptions,
  type Remote,
} from "./checkout.js";
import { patchRepository } from "./patches.js";
import { layerFolder, sortedLayers, type Repository } from "./repository.js";

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
  options: CheckoutOptions | undefined,
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
  for (const repository of repositories) folders.set(repository.id, "");
  await eachLimited(repositories, CLONES_AT_ONCE, (repository) =>
    collect(async () => {
      if (!options || !isRemote(repository)) {
        folders.set(repository.id, findRepository(repository, projectFile));
        return;
      }
      const checkedOut = await checkOut(repository, options);
      checkouts.set(repository, checkedOut);
      folders.set(repository.id, repository.folder);
      commits.set(repository.id, checkedOut.commit);
    }),
  );
  if (problems.length > 0) throw new BuildError(problems);
  for (const [repository, checkedOut] of patches ? checkouts : [])
    await collect(() => patchRepository(repository, checkedOut, folders, options!));
  if (problems.length > 0) throw new BuildError(problems);
  return { folders, commits };
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
