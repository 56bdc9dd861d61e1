/** From targets to the DAG of tasks: what is active, that it has no circle, and in which order it can run. */
import { BuildError, byText, nearest, words } from "@tsbake/base";
import { multiconfigOf, recipeLabel, splitMulticonfig, withMulticonfig } from "@tsbake/recipe";
import { AssembledGraph } from "./assembled-graph.js";
import { findCycles, orderNodes, type Adjacency } from "./cycle.js";
import * as problem from "../problems.js";
import { RecursiveNeeds } from "./recursive.js";
import { reasonText, type EdgeReason } from "./edge-reason.js";
import { placeOfEdge, TaskTable, type RecipeRow } from "./task-table.js";
import type { GraphOptions, TaskGraph } from "../types.js";

/**
 * Resolves targets and every dependency flag into one DAG (docs/language.md 14).
 *
 * @throws BuildError: unknown target or task with near names, missing dependency with who asked, a cycle as a path with
 *   the places that made it, a `[requires]` that does not hold
 */
export function buildTaskGraph(options: GraphOptions): TaskGraph {
  const table = new TaskTable(options);
  const recursive = new RecursiveNeeds(table);
  const targets = findTargets(table, options);
  stopOnProblems(table);
  recursive.complete();
  const asked = targets.flatMap(({ task, onlyNeeds }) =>
    onlyNeeds ? [...recursive.needs(task).keys()] : [task],
  );
  let wanted = [...new Set(asked)];
  if (options.runAll && options.runAll.length > 0) wanted = runAll(table, recursive, wanted, options.runAll);
  if (options.runOnly && options.runOnly.length > 0)
    wanted = runOnly(table, recursive, wanted, options.runOnly);
  stopOnProblems(table);
  return new Assembly(table, recursive, wanted, options).graph();
}

interface TargetTask {
  readonly task: number;
  readonly onlyNeeds: boolean;
}

function stopOnProblems(table: TaskTable): void {
  const problems = table.problems;
  if (problems.length > 0) throw new BuildError(problems);
}

function findTargets(table: TaskTable, options: GraphOptions): TargetTask[] {
  return options.targets.flatMap((target) => {
    const recipe = table.provider(target.name);
    if (!recipe) return [];
    const onlyNeeds = target.task.endsWith("-");
    const name = onlyNeeds ? target.task.slice(0, -1) : target.task;
    const task = table.find(recipe, name);
    if (task === undefined) {
      const near = nearest(name, Object.keys(recipe.info.tasks));
      table.report(problem.unknownTask(target.name, recipe.info, name, near));
      return [];
    }
    return [{ task, onlyNeeds }];
  });
}

/** Everything that `from` need, themselves included. */
function reach(recursive: RecursiveNeeds, from: Iterable<number>): Set<number> {
  const seen = new Set(from);
  // A set grows while it is walked.
  for (const task of seen) for (const need of recursive.needs(task).keys()) seen.add(need);
  return seen;
}

/** `--runall`: the named tasks of every recipe at work, again for the recipes that these bring in. */
function runAll(
  table: TaskTable,
  recursive: RecursiveNeeds,
  from: readonly number[],
  names: readonly string[],
): number[] {
  let active = reach(recursive, from);
  const wanted = new Set<number>();
  for (let before = -1; before !== wanted.size;) {
    before = wanted.size;
    const recipes = new Set<RecipeRow>([...active].map((task) => table.tasks[task]!.recipe));
    for (const recipe of recipes) {
      for (const name of names) {
        const task = table.find(recipe, name);
        if (task !== undefined) wanted.add(task);
      }
    }
    recursive.complete();
    active = reach(recursive, wanted);
  }
  if (wanted.size === 0)
    reportNoTask(table, "--runall", names, active.size === 0 ? reach(recursive, from) : active);
  return [...wanted];
}

/** `--runonly`: of what is active, the named tasks and what these need. */
function runOnly(
  table: TaskTable,
  recursive: RecursiveNeeds,
  from: readonly number[],
  names: readonly string[],
): number[] {
  const active = reach(recursive, from);
  const wanted = [...active].filter((task) => names.includes(table.tasks[task]!.info.name));
  if (wanted.length === 0) reportNoTask(table, "--runonly", names, active);
  return wanted;
}

function reportNoTask(
  table: TaskTable,
  option: string,
  names: readonly string[],
  active: ReadonlySet<number>,
): void {
  const known = new Set([...active].flatMap((task) => Object.keys(table.tasks[task]!.recipe.info.tasks)));
  for (const name of names) table.report(problem.noSuchTask(option, name, nearest(name, known)));
}

/** Active tasks get new numbers in the order of their labels: whatever is sorted later is sorted by number. */
class Assembly {
  readonly #table: TaskTable;
  readonly #recursive: RecursiveNeeds;
  readonly #wanted: readonly number[];
  readonly #options: GraphOptions;
  /** New number to the table's. */
  readonly #tasks: readonly number[];
  readonly #numbers: ReadonlyMap<number, number>;
  readonly #labels: readonly string[];
  readonly #needs: Adjacency;

  constructor(table: TaskTable, recursive: RecursiveNeeds, wanted: readonly number[], options: GraphOptions) {
    this.#table = table;
    this.#recursive = recursive;
    this.#wanted = wanted;
    this.#options = options;
    const active = [...reach(recursive, wanted)].map((task) => ({ task, label: table.label(task) }));
    const idOf = (task: number) => table.tasks[task]!.recipe.info.id;
    active.sort(
      (left, right) => byText(left.label, right.label) || byText(idOf(left.task), idOf(right.task)),
    );
    this.#tasks = active.map(({ task }) => task);
    this.#labels = active.map(({ label }) => label);
    this.#numbers = new Map(this.#tasks.map((task, number) => [task, number]));
    this.#needs = this.#tasks.map((task) =>
      [...recursive.needs(task).keys()]
        .map((need) => this.#numbers.get(need)!)
        .sort((left, right) => left - right),
    );
  }

  graph(): TaskGraph {
    this.#checkProviders();
    const order = orderNodes(this.#needs);
    if (order.length < this.#tasks.length) this.#stopOnCycles();
    return new AssembledGraph({
      order,
      labels: this.#labels,
      needs: this.#needs,
      targets: this.#wanted.map((task) => this.#numbers.get(task)!),
      nodes: this.#tasks.map((task) => {
        const { recipe, info } = this.#table.tasks[task]!;
        return { recipe: recipe.info.id, task: info.name };
      }),
      why: (number, need) => textOf(this.#recursive.needs(this.#tasks[number]!).get(this.#tasks[need]!)),
    });
  }

  #stopOnCycles(): never {
    const problems = findCycles(this.#needs).map((path) =>
      problem.cycle(
        path.map((number, step) => {
          const task = this.#tasks[number]!;
          const to = path[(step + 1) % path.length]!;
          const need = this.#tasks[to]!;
          const why = this.#recursive.needs(task).get(need);
          const { recipe } = this.#table.tasks[task]!;
          return {
            from: this.#labels[number]!,
            to: this.#labels[to]!,
            why: textOf(why),
            at: placeOfEdge(this.#table, task, need, why),
            isWithin: recipe === this.#table.tasks[need]!.recipe,
          };
        }),
      ),
    );
    throw new BuildError(problems);
  }

  /** Two versions of one recipe, or two recipes that provide the same, cannot be in one build. */
  #checkProviders(): void {
    const recipes = new Set(this.#tasks.map((task) => this.#table.tasks[task]!.recipe));
    const allowed = new Set(words(this.#options.project.configurationText("BB_MULTI_PROVIDER_ALLOWED")));
    const byName = new Map<string, RecipeRow[]>();
    for (const recipe of recipes) {
      for (const name of new Set([recipe.info.pn, ...recipe.info.provides])) {
        // Each configuration has providers of its own.
        const key = withMulticonfig(multiconfigOf(recipe.info.id), name);
        const rows = byName.get(key);
        if (rows) rows.push(recipe);
        else byName.set(key, [recipe]);
      }
    }
    const versions = new Set<string>();
    for (const [name, rows] of byName) {
      if (rows.length < 2 || allowed.has(splitMulticonfig(name).name)) continue;
      const same = rows.filter(({ info }) => info.pn === rows[0]!.info.pn);
      if (same.length < 2) this.#reportDuplicate(name, rows);
      else if (!versions.has(recipeLabel(same[0]!.info))) {
        versions.add(recipeLabel(same[0]!.info));
        this.#table.report(problem.twoVersions(same.map(({ info }) => info)));
      }
    }
    stopOnProblems(this.#table);
  }

  #reportDuplicate(name: string, rows: readonly RecipeRow[]): void {
    const recipeOf = (number: number) => this.#table.tasks[this.#tasks[number]!]!.recipe;
    const providers = rows.map((row) => {
      const users = this.#needs.flatMap((needs, number) =>
        recipeOf(number) !== row && needs.some((need) => recipeOf(need) === row)
          ? [this.#labels[number]!]
          : [],
      );
      return { recipe: row.info, neededBy: users };
    });
    this.#table.report(problem.duplicateProvider(name, providers));
  }
}

function textOf(reason: EdgeReason | undefined): string {
  return reason === undefined ? "" : reasonText(reason);
}
