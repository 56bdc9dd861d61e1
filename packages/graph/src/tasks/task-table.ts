/**
 * The tasks of a build as numbers, found from the targets down, and the edges that each task's own flags make
 * (docs/language.md 14.1 to 14.4; [recrdeptask], 14.5, is in recursive.ts).
 *
 * A task's edges are worked out when they are first asked for, so that a recipe nobody needs costs nothing, and a
 * mistake in a flag is told only to those whom it concerns.
 */
import { BuildError, nearest, type Diagnostic, type Span } from "@tsbake/base";
import {
  multiconfigOf,
  splitMulticonfig,
  withMulticonfig,
  type RecipeId,
  type RecipeInfo,
  type TaskInfo,
  type Wanted,
} from "@tsbake/recipe";
import { taskLabel } from "../ids.js";
import type { EdgeReason, NamingFlag } from "./edge-reason.js";
import { Places, spanOf } from "./places.js";
import * as problem from "../problems.js";
import { checkRequirements } from "./requirements.js";
import type { GraphOptions } from "../types.js";

export interface TaskRow {
  readonly recipe: RecipeRow;
  readonly info: TaskInfo;
}

export interface RecipeRow {
  readonly number: number;
  readonly info: RecipeInfo;
  /** Tasks asked for so far: name to number. */
  readonly tasks: Map<string, number>;
  /** Recipes that DEPENDS names, and those that RDEPENDS and RRECOMMENDS of all its packages name. */
  build?: readonly RecipeRow[];
  runtime?: readonly RecipeRow[];
}

type Kind = "build" | "runtime";

/** Where names of that kind are written. */
const VARIABLES: Readonly<Record<Kind, readonly string[]>> = {
  build: ["DEPENDS"],
  runtime: ["RDEPENDS", "RRECOMMENDS"],
};

/** Needed task to the reason for the edge. */
export type Needs = Map<number, EdgeReason>;

export class TaskTable {
  readonly places: Places;
  readonly tasks: TaskRow[] = [];
  readonly recipes: RecipeRow[] = [];
  readonly #byId = new Map<RecipeId, RecipeRow>();
  readonly #needs: (Needs | undefined)[] = [];
  /** By text; `about`: what the asking recipe and the recipe asked for are, see `about`. */
  readonly #problems = new Map<string, { diagnostic: Diagnostic; about?: string }>();
  /** What a [requires] that does not hold has explained: further messages would only follow from it. */
  readonly #explained = new Set<string>();
  readonly #options: GraphOptions;
  #multiconfigs: ReadonlySet<string> | undefined;

  constructor(options: GraphOptions) {
    this.#options = options;
    this.places = new Places(options.openRecipe);
  }

  get problems(): Diagnostic[] {
    return [...this.#problems.values()].flatMap(({ diagnostic, about }) =>
      about !== undefined && this.#explained.has(about) ? [] : [diagnostic],
    );
  }

  report(diagnostic: Diagnostic, about?: string): void {
    const key = `${diagnostic.code} ${diagnostic.message}`;
    this.#problems.set(key, about === undefined ? { diagnostic } : { diagnostic, about });
  }

  /** The recipe that stands for a build-time name; a missing one is reported. */
  provider(name: string, askedBy?: RecipeRow): RecipeRow | undefined {
    return this.#provide(name, askedBy, "build");
  }

  /** The number of a recipe's task, or undefined when the recipe has no such task. */
  find(recipe: RecipeRow, task: string): number | undefined {
    const known = recipe.tasks.get(task);
    if (known !== undefined) return known;
    const info = Object.hasOwn(recipe.info.tasks, task) ? recipe.info.tasks[task] : undefined;
    if (!info) return undefined;
    const number = this.tasks.length;
    this.tasks.push({ recipe, info });
    recipe.tasks.set(task, number);
    return number;
  }

  label(task: number): string {
    const { recipe, info } = this.tasks[task]!;
    return taskLabel(recipe.info, info.name);
  }

  /** What the task needs by its own flags, itself left out. */
  needs(task: number): Needs {
    const known = this.#needs[task];
    if (known) return known;
    const needs: Needs = new Map();
    this.#needs[task] = needs;
    this.#resolve(task, needs);
    needs.delete(task);
    return needs;
  }

  #resolve(task: number, needs: Needs): void {
    const { recipe, info } = this.tasks[task]!;
    const add = (to: RecipeRow, name: string, why: EdgeReason) => {
      const need = this.find(to, name);
      if (need !== undefined && !needs.has(need)) needs.set(need, why);
      return need !== undefined;
    };
    const addAll = (to: readonly RecipeRow[], names: readonly string[], why: EdgeReason) => {
      for (const row of to) for (const name of names) add(row, name, why);
    };
    const by = (flag: Exclude<EdgeReason["by"], "addtask">): EdgeReason => ({ by: flag, task: info.name });
    for (const name of info.after) add(recipe, name, { by: "addtask" });
    if (info.deptask) addAll(this.#buildNeeds(recipe), info.deptask, by("deptask"));
    if (info.rdeptask) addAll(this.#runtimeNeeds(recipe), info.rdeptask, by("rdeptask"));
    this.#namedTasks(recipe, info, add);
    if (info.recrdeptask) {
      const why = by("recrdeptask");
      addAll(this.#buildNeeds(recipe), info.recrdeptask, why);
      addAll(this.#runtimeNeeds(recipe), info.recrdeptask, why);
    }
  }

  /** [requires], [depends], [rdepends] and [mcdepends]: flags that name recipe and task. */
  #namedTasks(
    recipe: RecipeRow,
    info: TaskInfo,
    add: (to: RecipeRow, task: string, why: EdgeReason) => boolean,
  ): void {
    const asker = {
      label: taskLabel(recipe.info, info.name),
      task: info.name,
      recipe: recipe.info,
      at: (flag: string, word: string) =>
        this.places.flag(recipe.info, info.name, flag, word)?.at ?? spanOf(info.at),
    };
    const { problems, recipes } = checkRequirements(asker, info.requires ?? [], this.#options);
    for (const one of problems) this.report(one);
    for (const name of recipes) this.#explained.add(about(recipe, name));
    const addNamed = (flag: NamingFlag, name: string, to: RecipeRow, task: string) => {
      if (!add(to, task, { by: flag, task: info.name })) {
        const near = nearest(task, Object.keys(to.info.tasks));
        this.report(problem.missingTask(asker, flag, to.info, { task, near }), about(recipe, name));
      }
    };
    for (const flag of ["depends", "rdepends"] as const) {
      for (const word of info[flag] ?? []) {
        const [name, task, more] = word.split(":");
        if (!name || !task || more !== undefined) {
          this.report(problem.dependsForm(asker, flag, word));
          continue;
        }
        const kind = flag === "depends" ? "build" : "runtime";
        const wanted = () => this.places.flag(recipe.info, info.name, flag, name);
        const to = this.#provide(name, recipe, kind, wanted);
        if (to) addNamed(flag, name, to, task);
      }
    }
    for (const word of info.mcdepends ?? []) {
      const [mc, from, to, name, task, more] = word.split(":");
      if (mc !== "mc" || from === undefined || to === undefined || !name || !task || more !== undefined) {
        this.report(problem.multiconfigForm(asker, word));
      } else if (!this.#isMulticonfig(to)) this.report(problem.unknownMulticonfig(asker, word, to));
      else if (from === multiconfigOf(recipe.info.id)) {
        const wanted = () => this.places.flag(recipe.info, info.name, "mcdepends", word);
        const row = this.#provideFrom(withMulticonfig(to, name), recipe, "build", wanted);
        if (row) addNamed("mcdepends", name, row, task);
      }
    }
  }

  #buildNeeds(recipe: RecipeRow): readonly RecipeRow[] {
    recipe.build ??= this.#provideAll(recipe, recipe.info.depends, "build");
    return recipe.build;
  }

  #runtimeNeeds(recipe: RecipeRow): readonly RecipeRow[] {
    if (!recipe.runtime) {
      const { rdepends, rrecommends } = recipe.info;
      const needed = this.#provideAll(recipe, Object.values(rdepends).flat(), "runtime");
      // A recommendation that nobody meets is left out, as a package manager does.
      const { providers } = this.#options;
      const recommended = Object.values(rrecommends)
        .flat()
        .filter(
          (name) => providers.findRuntime(withMulticonfig(multiconfigOf(recipe.info.id), name)) !== undefined,
        );
      recipe.runtime = [...new Set([...needed, ...this.#provideAll(recipe, recommended, "runtime")])];
    }
    return recipe.runtime;
  }

  #provideAll(recipe: RecipeRow, names: readonly string[], kind: Kind): RecipeRow[] {
    const variables = VARIABLES[kind];
    return [...new Set(names)].flatMap((name) => {
      const wanted = () => this.places.word(recipe.info, variables, name);
      return this.#provide(name, recipe, kind, wanted) ?? [];
    });
  }

  /** A name as the asking recipe means it: of its own configuration. */
  #provide(name: string, askedBy: RecipeRow | undefined, kind: Kind, wanted?: Wanted): RecipeRow | undefined {
    const full = askedBy ? withMulticonfig(multiconfigOf(askedBy.info.id), name) : name;
    return this.#provideFrom(full, askedBy, kind, wanted);
  }

  /** @param name of the default configuration, or with `mc:NAME:` in front */
  #provideFrom(
    name: string,
    askedBy: RecipeRow | undefined,
    kind: Kind,
    wanted?: Wanted,
  ): RecipeRow | undefined {
    const { providers, project } = this.#options;
    const found = kind === "build" ? providers.findBuild(name) : providers.findRuntime(name);
    if (found === undefined && providers.isAssumedProvided(name)) return undefined;
    try {
      const id = found ?? providers[kind](name, askedBy?.info.id, wanted);
      const info = project.recipes.get(id);
      if (!info) throw new Error(`internal: the provider ${id} of ${name} is no recipe`);
      return this.#row(info);
    } catch (error) {
      if (!(error instanceof BuildError)) throw error;
      for (const diagnostic of error.diagnostics) {
        this.report(diagnostic, askedBy && about(askedBy, name));
      }
      return undefined;
    }
  }

  #row(info: RecipeInfo): RecipeRow {
    const known = this.#byId.get(info.id);
    if (known) return known;
    const row: RecipeRow = { number: this.recipes.length, info, tasks: new Map() };
    this.recipes.push(row);
    this.#byId.set(info.id, row);
    return row;
  }

  #isMulticonfig(name: string): boolean {
    this.#multiconfigs ??= new Set(["", ...[...this.#options.project.recipes.keys()].map(multiconfigOf)]);
    return this.#multiconfigs.has(name);
  }
}

/** Where an edge comes from, as far as a statement can be named. */
export function placeOfEdge(
  table: TaskTable,
  task: number,
  need: number,
  why: EdgeReason | undefined,
): Span | undefined {
  const { recipe, info } = table.tasks[task]!;
  const to = table.tasks[need]!;
  if (why?.by === "addtask") return table.places.flag(recipe.info, info.name, "deps")?.at ?? spanOf(info.at);
  if (why?.by === "depends" || why?.by === "rdepends" || why?.by === "mcdepends")
    return table.places.flag(recipe.info, info.name, why.by, to.recipe.info.pn)?.at ?? spanOf(info.at);
  const { info: other } = to.recipe;
  const names = [other.pn, ...other.provides, ...other.packages, ...Object.values(other.rprovides).flat()];
  for (const kind of ["build", "runtime"] as const) {
    for (const name of names) {
      const place = table.places.word(recipe.info, VARIABLES[kind], name);
      if (place) return place.at;
    }
  }
  return spanOf(info.at);
}

/** Who asks for what: the key of messages that explain each other. */
function about(recipe: RecipeRow, name: string): string {
  return `${recipe.number} ${splitMulticonfig(name).name}`;
}
