/**
 * The recursive part of recrdeptask: a task needs the named tasks of every recipe that stands anywhere below it, and what
 * these bring in.
 *
 * "Below" is answered by sets of recipes, one graph of tasks for each list of names, condensed so that a circle is one
 * node, each set computed once and shared with every task above that adds nothing to it. So the cost is a union for
 * each edge, not a walk for each recursive task.
 *
 * @see BitBake 2.19 lib/bb/runqueue.py, RunQueueData.prepare, parts A and B of the recursive dependencies
 */
import { hasBit, NO_BITS, newBits, unionBits, type Bits } from "./bits.js";
import type { EdgeReason } from "./edge-reason.js";
import type { Needs, TaskTable } from "./task-table.js";

/** What a task needs and why. */
export interface TaskNeeds {
  readonly size: number;
  keys(): Iterable<number>;
  get(task: number): EdgeReason | undefined;
}

/** One task with [recrdeptask]. */
class Recursive implements TaskNeeds {
  readonly task: number;
  readonly names: ReadonlySet<string>;
  /** Its own name is among the names: then tasks of that kind do not wait for each other. */
  readonly isSelfNamed: boolean;
  /** Local tasks to look below as well, without needing them: [recideptask]. */
  readonly also: readonly number[];
  readonly below: Below;
  /** Needs that were not looked below yet. */
  pending: number[];
  /** Recipes below, all of which have been asked for the named tasks. */
  recipes: Bits = NO_BITS;
  /** How many needs another recursive task had when its were taken over. */
  readonly takenOver = new Map<number, number>();
  /** Added ones that come from somewhere else than its own recipes below. */
  readonly foreign = new Set<number>();
  readonly #own: Needs;
  readonly #reason: EdgeReason;
  readonly #added: number[] = [];
  readonly #merged = new Set<Bits>();
  readonly #table: TaskTable;

  constructor(table: TaskTable, task: number, names: ReadonlySet<string>, below: Below) {
    const { recipe, info } = table.tasks[task]!;
    this.#table = table;
    this.#own = table.needs(task);
    this.task = task;
    this.#reason = { by: "recrdeptask", task: info.name };
    this.names = names;
    this.isSelfNamed = names.has(info.name);
    this.also = (info.recideptask ?? []).flatMap((name) => table.find(recipe, name) ?? []);
    this.below = below;
    this.pending = [...this.#own.keys()];
  }

  get size(): number {
    return this.#own.size + this.#added.length;
  }

  /** Those of its own flags, then the added ones; goes on to those that are added meanwhile. */
  *keys(): Generator<number> {
    yield* this.#own.keys();
    // Its length grows.
    for (let at = 0; at < this.#added.length; at += 1) yield this.#added[at]!;
  }

  get(need: number): EdgeReason | undefined {
    return this.#own.get(need) ?? (this.#has(need) ? this.#reason : undefined);
  }

  /** The named tasks of recipes that are new below. */
  addRecipes(bits: Bits): void {
    // Tasks share their sets.
    if (this.#merged.has(bits)) return;
    this.#merged.add(bits);
    const found = newBits(bits, this.recipes);
    if (found.length === 0) return;
    for (const number of found) {
      const recipe = this.#table.recipes[number]!;
      for (const name of this.names) {
        const need = this.#table.find(recipe, name);
        // Asked before the recipe counts as asked: what is there came in another way.
        if (need === undefined || need === this.task || this.#has(need)) continue;
        this.#added.push(need);
        if (this.isSelfNamed) this.pending.push(need);
      }
    }
    this.recipes = unionBits([this.recipes, bits], []);
  }

  addForeign(need: number): void {
    if (need === this.task || this.#has(need)) return;
    this.#added.push(need);
    this.foreign.add(need);
    this.pending.push(need);
  }

  #has(need: number): boolean {
    if (this.#own.has(need) || this.foreign.has(need)) return true;
    const { recipe, info } = this.#table.tasks[need]!;
    return need !== this.task && hasBit(this.recipes, recipe.number) && this.names.has(info.name);
  }
}

export class RecursiveNeeds {
  readonly #table: TaskTable;
  /** By the words of the flag. */
  readonly #below = new Map<string, Below>();
  /** By task. */
  readonly #recursive: (Recursive | undefined)[] = [];
  /** In the order in which they were found. */
  readonly #all: Recursive[] = [];
  /** Tasks up to here are known to be recursive or not. */
  #known = 0;

  constructor(table: TaskTable) {
    this.#table = table;
  }

  /** Adds edges until none are missing, for all tasks that the table has by then. */
  complete(): void {
    for (;;) {
      this.#discover();
      let isChanged = false;
      // Tasks found late stand below those found early: bottom up, most is done in the first round.
      for (let at = this.#all.length - 1; at >= 0; at -= 1) if (this.#grow(this.#all[at]!)) isChanged = true;
      if (!isChanged && this.#known === this.#table.tasks.length) return;
    }
  }

  /** All needs of a task: a self-named recursive task does not need others of its kind. */
  needs(task: number): TaskNeeds {
    const state = this.#recursive[task];
    if (!state) return this.#table.needs(task);
    if (!state.isSelfNamed) return state;
    const kept = [...state.keys()].filter((need) => this.#recursive[need]?.isSelfNamed !== true);
    return { size: kept.length, keys: () => kept, get: (need) => state.get(need) };
  }

  /** Walks the table to its end; asking for needs makes it longer. */
  #discover(): void {
    for (; this.#known < this.#table.tasks.length; this.#known += 1) {
      this.#table.needs(this.#known);
      const { info } = this.#table.tasks[this.#known]!;
      if (!info.recrdeptask) continue;
      // Nobody may look below the task itself on the way: a self-named one goes step by step.
      const below = this.#belowOf(info.recrdeptask.includes(info.name) ? [] : info.recrdeptask);
      const state = new Recursive(this.#table, this.#known, new Set(info.recrdeptask), below);
      this.#recursive[this.#known] = state;
      this.#all.push(state);
    }
  }

  #belowOf(names: readonly string[]): Below {
    const key = names.join(" ");
    let below = this.#below.get(key);
    if (!below) this.#below.set(key, (below = new Below(this.#table, new Set(names))));
    return below;
  }

  #grow(state: Recursive): boolean {
    const before = state.size;
    this.#lookBeside(state);
    do {
      for (let need = state.pending.pop(); need !== undefined; need = state.pending.pop()) {
        state.addRecipes(state.below.recipes(need));
      }
      this.#takeOver(state);
    } while (state.pending.length > 0);
    return state.size > before;
  }

  #lookBeside(state: Recursive): void {
    for (const other of state.also) {
      const needs = this.#recursive[other] ?? this.#table.needs(other);
      if (state.takenOver.get(other) === needs.size) continue;
      // A task that is needed and looked beside is taken over as needed later on: the sizes are then the same.
      if (state.get(other) === undefined) state.takenOver.set(other, needs.size);
      state.pending.push(other);
      for (const need of needs.keys()) state.pending.push(need);
    }
  }

  /** Recursive tasks that depend on other recursive tasks take over from them the tasks they ask for themselves. */
  #takeOver(state: Recursive): void {
    for (const need of state.keys()) {
      const other = this.#recursive[need];
      if (!other || other === state) continue;
      // Of the same kind, it has nothing but what is below it, and so below this one.
      const isSameKind = other.below === state.below && !state.isSelfNamed;
      if (isSameKind && other.foreign.size === 0 && other.also.length === 0) continue;
      if (state.takenOver.get(need) === other.size) continue;
      state.takenOver.set(need, other.size);
      for (const further of other.keys()) {
        if (state.names.has(this.#table.tasks[further]!.info.name)) state.addForeign(further);
      }
    }
  }
}

/**
 * Recipes below a task by its own edges and by the named tasks of every recipe that these lead to; by Tarjan's algorithm
 * over tasks as they become known. What was finished once stays right: everything below it was seen then.
 */
class Below {
  readonly #names: ReadonlySet<string>;
  readonly #table: TaskTable;
  readonly #sets: (Bits | undefined)[] = [];
  readonly #index: (number | undefined)[] = [];
  readonly #low: number[] = [];
  readonly #open: number[] = [];
  readonly #isOpen = new Set<number>();
  #next = 0;

  constructor(table: TaskTable, names: ReadonlySet<string>) {
    this.#table = table;
    this.#names = names;
  }

  recipes(task: number): Bits {
    if (!this.#sets[task]) this.#visit(task);
    return this.#sets[task]!;
  }

  /** What stands directly below a task. */
  #edges(task: number): number[] {
    const edges = new Set<number>();
    for (const need of this.#table.needs(task).keys()) {
      edges.add(need);
      const { recipe } = this.#table.tasks[need]!;
      for (const name of this.#names) {
        const named = this.#table.find(recipe, name);
        if (named !== undefined) edges.add(named);
      }
    }
    return [...edges];
  }

  #enter(task: number, path: { task: number; needs: Iterator<number> }[]): void {
    this.#index[task] = this.#low[task] = this.#next;
    this.#next += 1;
    this.#open.push(task);
    this.#isOpen.add(task);
    path.push({ task, needs: this.#edges(task).values() });
  }

  #visit(root: number): void {
    const path: { task: number; needs: Iterator<number> }[] = [];
    this.#enter(root, path);
    while (path.length > 0) {
      const { task, needs } = path.at(-1)!;
      const step = needs.next();
      if (step.done) {
        path.pop();
        const above = path.at(-1);
        if (above) this.#low[above.task] = Math.min(this.#low[above.task]!, this.#low[task]!);
        if (this.#low[task] === this.#index[task]) this.#close(task);
      } else if (this.#index[step.value] === undefined) this.#enter(step.value, path);
      else if (this.#isOpen.has(step.value)) {
        this.#low[task] = Math.min(this.#low[task]!, this.#index[step.value]!);
      }
    }
  }

  /** The tasks from `first` on are one circle, mostly of one task: they share what is below all of them. */
  #close(first: number): void {
    const members = this.#open.splice(this.#open.lastIndexOf(first));
    const sets = new Set<Bits>();
    const recipes = new Set<number>();
    for (const member of members) {
      this.#isOpen.delete(member);
      for (const need of this.#edges(member)) {
        recipes.add(this.#table.tasks[need]!.recipe.number);
        const set = this.#sets[need];
        if (set) sets.add(set);
      }
    }
    const union = unionBits([...sets], [...recipes]);
    for (const member of members) this.#sets[member] = union;
  }
}
