/** What a recipe left in the deploy folder, read from the manifests of its artifacts. */
import { lstatSync } from "node:fs";
import { join } from "node:path";
import { byText, readTextIfThere } from "@tsbake/base";
import type { ParsedProject, RecipeInfo } from "@tsbake/recipe";

/** Absolute paths below DEPLOY_DIR, sorted: the links where there are any, else the files. */
export async function deployedFiles(
  project: ParsedProject,
  recipe: RecipeInfo,
  tasks: readonly string[],
): Promise<string[]> {
  const deploy = project.configurationText("DEPLOY_DIR");
  const folder = join(project.configurationText("TMPDIR") ?? "", "sstate-control");
  if (deploy === undefined) return [];
  const files: string[] = [];
  for (const task of tasks) {
    const name = `manifest-${recipe.pn}.${task.replace(/^do_/, "")}`;
    const text = await readTextIfThere(join(folder, name));
    for (const line of text?.split("\n") ?? [])
      if (line.startsWith(`${deploy}/`) && !line.endsWith("/")) files.push(line);
  }
  // Where there are stable links to dated names, the links are what a person wants to see.
  const links = files.filter((file) => lstatSync(file, { throwIfNoEntry: false })?.isSymbolicLink());
  return (links.length > 0 ? links : files).sort(byText);
}
