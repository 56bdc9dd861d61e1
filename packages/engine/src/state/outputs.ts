/** What a recipe left in the deploy folder, read from the manifests of its artifacts. */
import { lstatSync } from "node:fs";
import { dirname } from "node:path";
import { byText, readTextIfThere } from "@tsbake/base";
import { multiconfigOf } from "@tsbake/recipe";
import type { ParsedProject, RecipeInfo } from "@tsbake/recipe";
import { manifestOf } from "@tsbake/run";

/** Absolute paths below DEPLOY_DIR, sorted: the links where there are any, else the files. */
export async function deployedFiles(
  project: ParsedProject,
  recipe: RecipeInfo,
  tasks: readonly string[],
): Promise<string[]> {
  const multiconfig = multiconfigOf(recipe.id);
  const deploy = project.configurationText("DEPLOY_DIR", multiconfig);
  const tmpdir = project.configurationText("TMPDIR", multiconfig) ?? "";
  if (deploy === undefined) return [];
  const found: string[] = [];
  for (const task of tasks) {
    const lines = (await readTextIfThere(manifestOf(tmpdir, recipe, task)))?.split("\n") ?? [];
    found.push(...topEntries(lines.filter((line) => line.startsWith(`${deploy}/`))));
  }
  // Where there are stable links to dated names, the links are what a person wants to see.
  const links = found.filter((path) => lstatSync(path, { throwIfNoEntry: false })?.isSymbolicLink());
  return (links.length > 0 ? links : found).sort(byText);
}

/** Of a manifest's lines (folders end in `/`) those that lie in its topmost folders: an image that is a folder counts once. */
function topEntries(lines: readonly string[]): string[] {
  const folders = new Set(lines.filter((line) => line.endsWith("/")).map((line) => line.slice(0, -1)));
  const tops = new Set([...folders].filter((one) => !folders.has(dirname(one))));
  return lines.map((line) => line.replace(/\/$/, "")).filter((path) => tops.has(dirname(path)));
}
