/** The task graph as plain data: what `task-depends.json` holds, and the page beside it. */
import { byText } from "@tsbake/base";
import { recipeLabel } from "@tsbake/recipe";
import type { RecipeId, RecipeInfo } from "@tsbake/recipe";
import type { TaskGraph, TaskId } from "@tsbake/graph";
import type { Done } from "../state/last-done.js";
import { criticalPath, type CriticalPath, type TimedTask } from "./critical-path.js";

/** Raised when a field goes or gets another meaning; docs/manual.md has them. */
const FORMAT = 1;

export interface GraphData {
  readonly format: number;
  /** Tasks that were asked for, sorted. */
  readonly targets: readonly string[];
  /** Sorted by name. */
  readonly recipes: readonly GraphRecipe[];
  /** By the times of the last build of each task; absent where nothing is known of any. */
  readonly criticalPath?: CriticalPath;
}

export interface GraphRecipe {
  /** As a target is typed: `PN`, `mc:NAME:PN`. */
  readonly name: string;
  /** `PV-PR`, with `PE:` in front where there is one. */
  readonly version: string;
  readonly file: string;
  readonly layer: string;
  /** Longest chain of recipes below it: 0 needs no other recipe. */
  readonly level: number;
  /** Sorted by name. */
  readonly tasks: readonly GraphTask[];
}

export interface GraphTask {
  /** With `do_`. */
  readonly name: string;
  /** `RECIPE:TASK` of each task that it needs directly, sorted. */
  readonly needs: readonly string[];
  /** How it was done the last time; absent for one that never was. */
  readonly last?: Done;
}

/** What `-g` writes as JSON and shows on its page. */
export function graphData(
  graph: TaskGraph,
  recipes: ReadonlyMap<RecipeId, RecipeInfo>,
  lastDone: (label: string) => Done | undefined,
): GraphData {
  const levels = levelsOf(graph);
  const found = new Map<RecipeId, GraphTask[]>();
  const timed: TimedTask[] = [];
  for (const id of graph.order) {
    const { recipe, task: name } = graph.node(id);
    const needs = graph.needs(id).map((need) => graph.label(need));
    const tasks = found.get(recipe) ?? [];
    const label = graph.label(id);
    const last = lastDone(label);
    tasks.push({ name, needs: needs.sort(byText), ...(last && { last }) });
    timed.push({ name: label, needs, elapsedMs: last?.elapsedMs ?? 0 });
    found.set(recipe, tasks);
  }
  const rows = [...found].map(([id, tasks]): GraphRecipe => {
    const info = recipes.get(id);
    return {
      name: info ? recipeLabel(info) : id,
      version: info ? `${info.pe === "" ? "" : `${info.pe}:`}${info.pv}-${info.pr}` : "",
      file: info?.file ?? "",
      layer: info?.layer ?? "",
      level: levels.get(id) ?? 0,
      tasks: tasks.sort((left, right) => byText(left.name, right.name)),
    };
  });
  const path = criticalPath(timed);
  return {
    format: FORMAT,
    targets: graph.targets.map((task) => graph.label(task)).sort(byText),
    recipes: rows.sort((left, right) => byText(left.name, right.name)),
    ...(path.tasks.length > 0 && { criticalPath: path }),
  };
}

/** Two recipes may need tasks of each other, so steps from recipe to recipe are counted along tasks, which have no cycle. */
function levelsOf(graph: TaskGraph): Map<RecipeId, number> {
  const depths = new Map<TaskId, number>();
  const levels = new Map<RecipeId, number>();
  // Needed tasks come before those that need them.
  for (const id of graph.order) {
    const { recipe } = graph.node(id);
    let depth = 0;
    for (const need of graph.needs(id)) {
      const step = graph.node(need).recipe === recipe ? 0 : 1;
      depth = Math.max(depth, (depths.get(need) ?? 0) + step);
    }
    depths.set(id, depth);
    levels.set(recipe, Math.max(levels.get(recipe) ?? 0, depth));
  }
  return levels;
}
