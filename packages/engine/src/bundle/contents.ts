/** What belongs into a bundle of some targets: recipes, of each the tasks whose artifacts are kept, and what these need of each other. */
import { byText, sortedUnique, words } from "@tsbake/base";
import type { TaskGraph, TaskId } from "@tsbake/graph";
import type { ParsedProject, RecipeInfo } from "@tsbake/recipe";
import type { StandIn } from "./stand-in.js";

export interface BundledTask {
  readonly id: TaskId;
  readonly recipe: RecipeInfo;
  readonly task: string;
}

export interface BundledRecipes {
  /** Sorted by name. */
  readonly standIns: readonly StandIn[];
  /** Those with an artifact, sorted by label. */
  readonly tasks: readonly BundledTask[];
}

/** A stand-in has one of its own, which does nothing. */
const WHOLE = "do_build";

type Project = Pick<ParsedProject, "recipes" | "configurationText">;

/** Tools of this machine are made of what every project has. */
function isBundled({ pn }: RecipeInfo): boolean {
  return !/-(?:native|cross(?:-\w+)?)$/.test(pn);
}

/** What has to be built so that all of it is there, and what tasks without a body need is known: `RECIPE:do_TASK`. */
export function wantedTasks(graph: TaskGraph, project: Project): string[] {
  const kept = new Set(keptNames(project));
  return sortedUnique(
    recipesOf(graph, project).flatMap(({ pn, tasks }) =>
      Object.values(tasks)
        .filter(({ name, artifact, noexec }) => (noexec ? name !== WHOLE : kept.has(name) && artifact))
        .map(({ name }) => `${pn}:${name}`),
    ),
  );
}

/** @param graph of the targets, and of what {@link wantedTasks} names */
export function bundledRecipes(graph: TaskGraph, project: Project): BundledRecipes {
  const recipes = recipesOf(graph, project);
  const kept = new Set(keptNames(project));
  const isKept = (id: TaskId): boolean => {
    const { recipe, task } = graph.node(id);
    const info = project.recipes.get(recipe)!;
    const one = info.tasks[task]!;
    return (
      isBundled(info) && task !== WHOLE && (one.noexec === true || (kept.has(task) && Boolean(one.artifact)))
    );
  };
  const nearest = nearestKept(graph, isKept);
  const provided = new Set(recipes.flatMap(({ pn, provides }) => [pn, ...provides]));
  const tasks = graph.order.filter(isKept);
  const needs = new Map(recipes.map(({ id }) => [id, new Map<string, readonly string[]>()]));
  for (const id of tasks) {
    const { recipe, task } = graph.node(id);
    needs.get(recipe)!.set(task, sortedUnique(nearest(id).map((need) => nameOf(graph, project, need))));
  }
  const standIns = recipes.map((recipe): StandIn => ({
    recipe,
    depends: recipe.depends.filter((name) => provided.has(name)),
    tasks: new Map([...needs.get(recipe.id)!].sort(([left], [right]) => byText(left, right))),
  }));
  const described = tasks.map((id) => {
    const { recipe, task } = graph.node(id);
    return { id, recipe: project.recipes.get(recipe)!, task };
  });
  return {
    standIns,
    tasks: described
      .filter(({ recipe, task }) => recipe.tasks[task]!.artifact !== undefined)
      .sort((left, right) => byText(nameOf(graph, project, left.id), nameOf(graph, project, right.id))),
  };
}

function keptNames(project: Project): string[] {
  return words(project.configurationText("BUNDLE_TASKS"));
}

function recipesOf(graph: TaskGraph, { recipes }: Project): RecipeInfo[] {
  const found = new Set(graph.order.map((id) => graph.node(id).recipe));
  return [...found]
    .map((id) => recipes.get(id)!)
    .filter(isBundled)
    .sort((left, right) => byText(left.pn, right.pn));
}

function nameOf(graph: TaskGraph, { recipes }: Project, id: TaskId): string {
  const { recipe, task } = graph.node(id);
  return `${recipes.get(recipe)!.pn}:${task}`;
}

/** Through tasks that are not kept to those that are. The graph's order has what is needed first, so each is looked at once. */
function nearestKept(graph: TaskGraph, isKept: (id: TaskId) => boolean): (id: TaskId) => readonly TaskId[] {
  const reached = new Map<TaskId, readonly TaskId[]>();
  for (const id of graph.order) {
    const found = new Set<TaskId>();
    for (const need of graph.needs(id)) {
      if (isKept(need)) found.add(need);
      else for (const one of reached.get(need) ?? []) found.add(one);
    }
    reached.set(id, [...found]);
  }
  return (id) => reached.get(id) ?? [];
}
