/** Which folders of package files an image may take packages from: those of the recipes that it depends on. */
import { readFile, readdir } from "node:fs/promises";
import { join } from "node:path";
import { BuildError, byText, hasCode } from "@tsbake/base";
import * as problems from "../problems.js";

/**
 * @param folders each holds one folder a recipe, or package files themselves
 * @param taskDependencies the run queue's list of the tasks below the asking one; when given, only the folders of
 *   recipes in it count: what lies around from an earlier build is no input
 * @returns sorted
 * @throws BuildError `image/bad-argument` when the list cannot be read
 */
export async function recipePackageFolders(
  folders: readonly string[],
  taskDependencies: string | undefined,
): Promise<string[]> {
  if (taskDependencies === undefined) return [...folders].sort(byText);
  const recipes = recipesIn(await readFile(taskDependencies, "utf8"), taskDependencies);
  const found: string[] = [];
  for (const folder of folders) {
    for (const name of await namesIn(folder)) if (recipes.has(name)) found.push(join(folder, name));
  }
  return found.sort(byText);
}

async function namesIn(folder: string): Promise<string[]> {
  try {
    return await readdir(folder);
  } catch (error) {
    if (hasCode(error, "ENOENT")) return [];
    throw error;
  }
}

function recipesIn(text: string, name: string): Set<string> {
  const bad = (): BuildError =>
    new BuildError([problems.badArgument(`${name} is no list of task dependencies`)]);
  let list: unknown;
  try {
    list = JSON.parse(text);
  } catch {
    throw bad();
  }
  if (!Array.isArray(list)) throw bad();
  const recipes = new Set<string>();
  for (const one of list as unknown[]) {
    if (typeof one !== "object" || one === null || !("pn" in one) || typeof one.pn !== "string") throw bad();
    recipes.add(one.pn);
  }
  return recipes;
}
