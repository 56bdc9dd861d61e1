/** `tsbake -g`: the task graph as text files that other programs read. */
import type { RecipeInfo, RecipeId } from "@tsbake/recipe";
import type { TaskGraph } from "@tsbake/graph";
import { byText, sortedUnique } from "@tsbake/base";

/** `task-depends.dot`, in Graphviz' language: an edge from each task to each task it needs. */
export function describeTaskGraph(graph: TaskGraph, recipes: ReadonlyMap<RecipeId, RecipeInfo>): string {
  const lines = ["digraph depends {"];
  const nodes = graph.order.map((task) => ({ task, label: graph.label(task) }));
  for (const { task, label } of nodes.sort((a, b) => byText(a.label, b.label))) {
    const { recipe, task: name } = graph.node(task);
    const info = recipes.get(recipe);
    lines.push(
      `${quoted(label)} [label=${quoted(`${info?.pn} ${name}\\n${info?.pv}-${info?.pr}\\n${info?.file}`)}]`,
    );
    const needs = graph.needs(task).map((need) => graph.label(need));
    for (const need of needs.sort(byText)) lines.push(`${quoted(label)} -> ${quoted(need)}`);
  }
  return `${[...lines, "}"].join("\n")}\n`;
}

/** `pn-buildlist`: the names of the recipes that take part, a line each. */
export function describeBuildList(graph: TaskGraph, recipes: ReadonlyMap<RecipeId, RecipeInfo>): string {
  const names = graph.order.map((task) => recipes.get(graph.node(task).recipe)?.pn ?? "");
  return `${sortedUnique(names).join("\n")}\n`;
}

function quoted(text: string): string {
  return `"${text.replaceAll('"', '\\"')}"`;
}
