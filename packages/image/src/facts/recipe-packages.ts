/** Which folders of package files an image may take packages from: those of the recipes that it depends on. */
import { readFile, readdir } from "node:fs/promises";
import { join } from "node:path";
import { byText, hasCode } from "@tsbake/base";
import { readData, TaskDependencies } from "@tsbake/base/data";
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
  const tasks = readData(TaskDependencies, text, (reason) =>
    problems.badArgument(`${name} is no list of task dependencies: ${reason}`),
  );
  return new Set(tasks.map(({ pn }) => pn));
}
