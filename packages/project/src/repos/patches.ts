/** `patches` of a repository: commits of ours on top of the one that is asked for. */
import { createHash } from "node:crypto";
import { statSync } from "node:fs";
import { readFile } from "node:fs/promises";
import { basename, dirname, join } from "node:path";
import { BuildError, git, gitReason, reasonOf } from "@tsbake/base";
import * as problem from "../problems.js";
import { isInside } from "../file/includes.js";
import { moveTo, reasonToLeave, noteHead } from "./checkout.js";
import type { CheckedOut, CheckoutOptions } from "./checkout.js";
import type { Remote, RepositoryPatch } from "./repository.js";
import { commitOf } from "./revision.js";

/** A patch of a repository, as text. */
interface PatchText {
  readonly patch: RepositoryPatch;
  readonly path: string;
  readonly text: string;
}

/**
 * Makes the patches of the project file, and no others, stand on top of the commit.
 *
 * @param folders of all repositories, by their keys
 * @throws BuildError `project/patch-missing`, `project/patch-failed`; then the commit is as it was, without patches
 */
export async function patchRepository(
  repository: Remote,
  { commit, patches: there }: CheckedOut,
  folders: ReadonlyMap<string, string>,
  options: CheckoutOptions,
): Promise<void> {
  const texts = await patchTexts(repository, folders);
  const digest = digestOf(texts);
  // What is left as it is has been said already.
  if (there === undefined || there === digest) return;
  const { id, folder, at } = repository;
  const head = await commitOf(folder, "HEAD");
  const why = await reasonToLeave(folder, head, true);
  if (why !== undefined) {
    const wanted = `${commit} with its patches`;
    options.onWarning(problem.repoLeft(id, folder, { wanted, there: head, why }, at));
    return;
  }
  await options.beforeChange();
  options.onStep(`${id}: applying patches`);
  await moveTo(repository, folder, commit);
  for (const one of texts) {
    const fault = await applyOne(folder, commit, one);
    if (fault === undefined) continue;
    await moveTo(repository, folder, commit);
    throw new BuildError([problem.patchFailed(id, one.path, fault, one.patch.at)]);
  }
  await noteHead(folder, { base: commit, patches: digest });
}

function digestOf(texts: readonly PatchText[]): string {
  if (texts.length === 0) return "";
  const hash = createHash("sha256");
  for (const { patch, text } of texts) hash.update(`${patch.id}\0${text.length}\0`).update(text);
  return hash.digest("hex");
}

async function patchTexts(
  { id, patches }: Remote,
  folders: ReadonlyMap<string, string>,
): Promise<PatchText[]> {
  const texts: PatchText[] = [];
  for (const patch of patches) {
    const root = folders.get(patch.repo);
    if (root === undefined)
      throw new BuildError([problem.unknownRepo(patch.repo, [...folders.keys()], patch.at)]);
    const path = join(root, patch.path);
    if (!isInside(path, root))
      throw new BuildError([problem.patchMissing(id, path, "it leads out of its repository", patch.at)]);
    const isSeries = statSync(path, { throwIfNoEntry: false })?.isDirectory() ?? false;
    const paths = isSeries ? await seriesIn(id, path, patch) : [path];
    for (const one of paths) texts.push({ patch, path: one, text: await patchText(id, one, patch) });
  }
  return texts;
}

/** As quilt has it: a name a line, comments behind `#`. */
async function seriesIn(id: string, folder: string, patch: RepositoryPatch): Promise<string[]> {
  const text = await patchText(id, join(folder, "series"), patch);
  const names = text.split("\n").map((line) => line.replace(/(^|\s)#.*/, "").trim());
  return names
    .filter((name) => name !== "")
    .map((name) => {
      const path = join(folder, name);
      if (isInside(path, folder)) return path;
      throw new BuildError([
        problem.patchMissing(id, path, "it leads out of the folder of its series", patch.at),
      ]);
    });
}

async function patchText(id: string, path: string, patch: RepositoryPatch): Promise<string> {
  try {
    return await readFile(path, "latin1");
  } catch (error) {
    throw new BuildError([problem.patchMissing(id, path, reasonOf(error), patch.at)], { cause: error });
  }
}

/** @returns what git said when it failed */
async function applyOne(
  folder: string,
  commit: string,
  { patch, path }: PatchText,
): Promise<string | undefined> {
  const applied = await git(["-C", folder, "apply", "--index", "--whitespace=nowarn", "--", path]);
  if (applied.code !== 0) return gitReason(applied.stderr);
  // The same patches make the same commits, on any day.
  const { stdout: date } = await git(["-C", folder, "show", "-s", "--format=%ct", commit]);
  const when = `@${date.trim()} +0000`;
  const by = ["-c", "user.name=tsbake", "-c", "user.email=tsbake@localhost"];
  const words = ["-q", "--no-verify", "--no-gpg-sign", "--allow-empty"];
  const text = `${patch.id}\n\n${join(basename(dirname(path)), basename(path))}, applied by tsbake`;
  const made = await git(["-C", folder, ...by, "commit", ...words, `--date=${when}`, "-m", text], {
    env: {
      GIT_COMMITTER_DATE: when,
    },
  });
  return made.code === 0 ? undefined : gitReason(made.stderr);
}
