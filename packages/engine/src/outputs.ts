/** What a recipe left in the deploy folder, read from the manifests of its artifacts. */
import { join } from "node:path";
import { byText, readTextIfThere } from "@tsbake/base";
import type { ParsedProject, RecipeInfo } from "@tsbake/recipe";

/** Absolute paths of files below DEPLOY_DIR, sorted. */
export async function deployedFiles(project: ParsedProject, recipe: RecipeInfo): Promise<string[]> {
  const deploy = project.configurationText("DEPLOY_DIR");
  const folder = join(project.configurationText("TMPDIR") ?? "", "sstate-control");
  if (deploy === undefined) return [];
  const files: string[] = [];
  for (const task of Object.keys(recipe.tasks)) {
    const text = await readTextIfThere(join(folder, `manifest-${recipe.pn}.${task}`));
    for (const line of text?.split("\n") ?? [])
      if (line.startsWith(`${deploy}/`) && !line.endsWith("/")) files.push(line);
  }
  return files.sort(byText);
}
