/** `tsbake -g`: the task graph as text files that other programs read, as BitBake writes them. */
import { join } from "node:path";
import { recipeLabel, type RecipeInfo, type RecipeId } from "@tsbake/recipe";
import type { TaskGraph, TaskId } from "@tsbake/graph";
import { byText, sortedUnique, writeFileAtomic } from "@tsbake/base";
import { graphData } from "./graph-data.js";
import type { Done } from "../state/last-done.js";

/**
 * `task-depends.dot`, in Graphviz' language: an edge from each task to each task it needs.
 *
 * @see BitBake 2.19 lib/bb/cooker.py, generateDotGraphFiles
 */
function describeTaskGraph(graph: TaskGraph, recipes: ReadonlyMap<RecipeId, RecipeInfo>): string {
  const lines = ["digraph depends {"];
  const nameOf = (id: TaskId) => {
    const { recipe, task } = graph.node(id);
    return `${recipeLabel(recipes.get(recipe)!)}.${task}`;
  };
  const nodes = graph.order.map((id) => ({ id, name: nameOf(id) }));
  for (const { id, name } of nodes.sort((a, b) => byText(a.name, b.name))) {
    const { recipe, task } = graph.node(id);
    const info = recipes.get(recipe)!;
    const label = [`${recipeLabel(info)} ${task}`, `${info.pe}:${info.pv}-${info.pr}`, info.id];
    lines.push(`${quoted(name)} [label=${quoted(label.join("\\n"))}]`);
    for (const need of graph.needs(id).map(nameOf).sort(byText)) {
      lines.push(`${quoted(name)} -> ${quoted(need)}`);
    }
  }
  return `${[...lines, "}"].join("\n")}\n`;
}

/** `pn-buildlist`: the names of the recipes that take part, a line each. */
function describeBuildList(graph: TaskGraph, recipes: ReadonlyMap<RecipeId, RecipeInfo>): string {
  const names = graph.order.map((task) => recipeLabel(recipes.get(graph.node(task).recipe)!));
  return `${sortedUnique(names).join("\n")}\n`;
}

function quoted(text: string): string {
  return `"${text.replaceAll('"', '\\"')}"`;
}

/** The graph's files, in a folder. @param lastDone how a task was done the last time, by its label @returns their paths */
export async function writeGraphFiles(
  folder: string,
  graph: TaskGraph,
  recipes: ReadonlyMap<RecipeId, RecipeInfo>,
  lastDone: (label: string) => Done | undefined,
): Promise<string[]> {
  const data = graphData(graph, recipes, lastDone);
  // Only who draws loads what draws.
  const { graphPage } = await import("./page/graph-page.js");
  const files = {
    "task-depends.dot": describeTaskGraph(graph, recipes),
    "task-depends.json": `${JSON.stringify(data, undefined, 1)}\n`,
    "task-depends.html": graphPage(data),
    "pn-buildlist": describeBuildList(graph, recipes),
  };
  const paths: string[] = [];
  for (const [name, text] of Object.entries(files)) {
    const path = join(folder, name);
    await writeFileAtomic(path, text);
    paths.push(path);
  }
  return paths;
}
