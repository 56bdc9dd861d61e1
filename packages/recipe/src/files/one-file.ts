/** `-b FILE`: which recipe file is meant, and the recipe as it is when nothing else counts. */
import { statSync } from "node:fs";
import { resolve } from "node:path";
import { BuildError, nearest } from "@tsbake/base";
import { collectFiles, type CollectRequest, type RecipeFile } from "./collect.js";
import type { RecipeId, RecipeInfo, TaskInfo } from "../recipe/info.js";
import { recipeId, splitMulticonfig } from "../configuration/multiconfig.js";
import { pythonPattern } from "./pattern.js";
import * as problem from "../problems.js";

export interface WantedFile {
  /** As typed: a path, or a regular expression that one path of BBFILES matches; `mc:NAME:` and `virtual:WORD:` in front. */
  readonly text: string;
  /** Where a relative path starts. */
  readonly directory: string;
}

/** The configuration that `-b` asks for. */
export function wantedMulticonfig({ text }: WantedFile): string {
  return splitMulticonfig(text).multiconfig;
}

/**
 * @param request of the configuration that is asked for
 * @throws BuildError `recipe/no-such-recipe-file`, `recipe/ambiguous-recipe-file`
 */
export function findRecipeFile({ text, directory }: WantedFile, request: CollectRequest): RecipeFile {
  const name = splitMulticonfig(text).name.replace(/^virtual:.*:(?=[^:]*$)/, "");
  const path = resolve(directory, name);
  if (statSync(path, { throwIfNoEntry: false })?.isFile()) {
    // It need not be in BBFILES, and BBMASK is for those that are.
    const { recipes } = collectFiles({ ...request, patterns: [...request.patterns, path], masks: [] });
    const found = recipes.find((file) => file.path === path);
    if (found) return found;
  }
  const { recipes } = collectFiles(request);
  const pattern = pythonPattern(name, "anywhere");
  const found = recipes.filter((file) => pattern?.test(file.path));
  if (found.length === 1) return found[0]!;
  const paths = (found.length > 0 ? found : recipes).map((file) => file.path);
  throw new BuildError([
    found.length > 0
      ? problem.ambiguousRecipeFile(text, paths)
      : problem.noSuchRecipeFile(text, nearest(name, paths)),
  ]);
}

/** The recipe that `-b` means of those that its file made: the plain one, or the variant that was named. */
export function wantedRecipe({ text }: WantedFile, file: RecipeFile): RecipeId {
  const word = /^virtual:(.*):[^:]*$/.exec(splitMulticonfig(text).name)?.[1] ?? "";
  return recipeId(file.multiconfig, file.path, word);
}

/** Flags of tasks that name other recipes. */
const NEEDS: ReadonlySet<string> = new Set(["depends", "rdepends", "mcdepends", "requires"]);

/** The recipe without what it needs of others. Tasks of its own still come after each other. */
export function withoutNeeds(recipe: RecipeInfo): RecipeInfo {
  const tasks = Object.entries(recipe.tasks).map(([name, task]) => {
    const kept = Object.entries(task).filter(([field]) => !NEEDS.has(field));
    return [name, Object.fromEntries(kept) as unknown as TaskInfo] as const;
  });
  return { ...recipe, depends: [], rdepends: {}, rrecommends: {}, tasks: Object.fromEntries(tasks) };
}
