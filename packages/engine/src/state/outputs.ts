/** What a recipe left in the deploy folder, read from the manifests of its artifacts. */
import { lstatSync } from "node:fs";
import { dirname } from "node:path";
import { byText, readTextIfThere } from "@tsbake/base";
import { taskId, type TaskGraph } from "@tsbake/graph";
import { multiconfigOf, recipeLabel } from "@tsbake/recipe";
import type { ParsedProject, RecipeId, RecipeInfo } from "@tsbake/recipe";
import { manifestOf, verifyOutputs, type VerifiedOutputs } from "@tsbake/run";
import type { BuildOutput } from "../build-types.js";
import { taskName } from "../phases/targets.js";

/** What the tasks of a run left, of its target recipes. */
export async function buildOutputs(project: ParsedProject, graph: TaskGraph): Promise<BuildOutput[]> {
  const whole = taskName(project.configurationText("BB_DEFAULT_TASK") ?? "build");
  const outputs = new Map<RecipeId, BuildOutput>();
  for (const target of graph.targets) {
    const { recipe, task } = graph.node(target);
    if (outputs.has(recipe)) continue;
    const info = project.recipes.get(recipe)!;
    const tasks = Object.keys(info.tasks).filter((name) => graph.has(taskId(recipe, name)));
    const files = await deployedFiles(project, info, tasks);
    const path = task === whole ? info.facts["BUILD_SUMMARY"]?.value : undefined;
    const text = path ? await readTextIfThere(path) : undefined;
    outputs.set(recipe, {
      target: recipeLabel(info),
      files,
      ...(text === undefined ? {} : { text: text.trimEnd() }),
    });
  }
  return [...outputs.values()].filter(({ files, text }) => files.length > 0 || text !== undefined);
}

/** Each TMPDIR, and what of its shared folders is not as its manifests say. */
export function verifiedOutputs(project: ParsedProject, topdir: string): Map<string, VerifiedOutputs> {
  const folders = project.multiconfigs.map((name) => project.configurationText("TMPDIR", name) ?? topdir);
  return new Map([...new Set(folders)].map((tmpdir) => [tmpdir, verifyOutputs(tmpdir)]));
}

/** Absolute paths below DEPLOY_DIR, sorted: the links where there are any, else the files. */
async function deployedFiles(
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
