/** Task graphs of hand-made recipes, and what went wrong making them. */
import { BuildError, render } from "@tsbake/base";
import { buildTaskGraph, type GraphOptions, type TaskGraph } from "@tsbake/graph";
import { openProviders } from "@tsbake/recipe";
import { makeProject, type RecipeText } from "./recipes.js";

export function build(
  recipes: readonly RecipeText[],
  targets: string,
  more: Partial<GraphOptions> = {},
): TaskGraph {
  const project = makeProject(recipes, {
    BB_MULTI_PROVIDER_ALLOWED: "virtual/allowed",
    ASSUME_PROVIDED: "host-tool",
  });
  return buildTaskGraph({
    project,
    providers: openProviders(project),
    targets: targets.split(" ").map((text) => {
      const [name = "", task = "do_build"] = text.split(":");
      return { name, task };
    }),
    ...more,
  });
}

/** `a:do_x` to what it needs and why, all of the graph. */
export function edges(graph: TaskGraph): Record<string, string[]> {
  return Object.fromEntries(
    graph.order.map((task) => [
      graph.label(task),
      graph.needs(task).map((need) => {
        const { why } = graph.graph.getEdgeAttributes(task, need);
        return `${graph.label(need)} by ${why}`;
      }),
    ]),
  );
}

export const needs = (graph: TaskGraph, label: string) =>
  edges(graph)[label]?.map((edge) => edge.split(" by ")[0]);
export const order = (graph: TaskGraph) => graph.order.map((task) => graph.label(task));

export function problems(
  run: () => unknown,
): { code: string; message: string; help?: string; text: string }[] {
  try {
    run();
  } catch (error) {
    if (error instanceof BuildError) return error.diagnostics.map((one) => ({ ...one, text: render(one) }));
    throw error;
  }
  return [];
}
