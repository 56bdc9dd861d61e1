/**
 * The recursive part of recrdeptask: a task needs the named tasks of every recipe that stands anywhere below it.
 *
 * "Below" is answered by sets of recipes over the graph of the tasks' own edges, condensed so that a circle is one
 * node, each set computed once and shared with every task above that adds nothing to it. So the cost is a union for
 * each edge, not a walk for each recursive task.
 *
 * @see BitBake 2.19 lib/bb/runqueue.py, RunQueueData.prepare, parts A and B of the recursive dependencies
 */
import { NO_BITS, newBits, unionBits, type Bits } from "./bits.js";
import { recursiveReason, type Needs, type TaskTable } from "./task-table.js";

/** What is known of one task with [recrdeptask]. */
interface Recursive {
  readonly names: ReadonlySet<string>;
  readonly why: string;
  /** Its own name is among the names: then tasks of that kind do not wait for each other. */
  readonly isSelfNamed: boolean;
  /** Its own edges and those added here. */
  readonly needs: Needs;
  /** Local tasks to look below as well, without needing them: [recideptask]. */
  readonly also: readonly number[];
  /** Needs that were not looked below yet. */
  pending: number[];
  /** Recipes below, all of which have been asked for the named tasks. */
  recipes: Bits;
  readonly merged: Set<Bits>;
  /** How many needs another recursive task had when its were taken over. */
  readonly takenOver: Map<number, number>;
}

export class RecursiveNeeds {
  readonly #table: TaskTable;
  readonly #below: Below;
  readonly #recursive = new Map<number, Recursive>();
  /** Tasks up to here are known to be recursive or not. */
  #known = 0;

  constructor(table: TaskTable) {
    this.#table = table;
    this.#below = new Below(table);
  }

  /** Adds edges until none are missing, for all tasks that the table has by then. */
  complete(): void {
    for (;;) {
      this.#discover();
      // Tasks found late stand below those found early: bottom up, most is done in the first round.
      const bottomUp = [...this.#recursive].reverse();
      let isChanged = false;
      for (const [task, state] of bottomUp) if (this.#grow(task, state)) isChanged = true;
      if (!isChanged && this.#known === this.#table.tasks.length) return;
    }
  }

  /** All needs of a task: a self-named recursive task does not need others of its kind. */
  needs(task: number): Needs {
    const state = this.#recursive.get(task);
    if (!state) return this.#table.needs(task);
    if (!state.isSelfNamed) return state.needs;
    const kept: Needs = new Map();
    for (const [need, why] of state.needs) if (!this.#recursive.get(need)?.isSelfNamed) kept.set(need, why);
    return kept;
  }

  /** Walks the table to its end; asking for needs makes it longer. */
  #discover(): void {
    for (; this.#known < this.#table.tasks.length; this.#known += 1) {
      const needs = this.#table.needs(this.#known);
      const { info } = this.#table.tasks[this.#known]!;
      if (!info.recrdeptask) continue;
      this.#recursive.set(this.#known, {
        names: new Set(info.recrdeptask),
        why: recursiveReason(info),
        isSelfNamed: info.recrdeptask.includes(info.name),
        needs: new Map(needs),
        also: this.#alsoBelow(this.#known),
        pending: [...needs.keys()],
        recipes: NO_BITS,
        merged: new Set(),
        takenOver: new Map(),
      });
    }
  }

  #alsoBelow(task: number): number[] {
    const { recipe, info } = this.#table.tasks[task]!;
    return (info.recideptask ?? []).flatMap((name) => this.#table.find(recipe, name) ?? []);
  }

  #grow(task: number, state: Recursive): boolean {
    const before = state.needs.size;
    this.#lookBeside(state);
    do {
      this.#lookBelow(task, state);
      this.#takeOver(task, state);
    } while (state.pending.length > 0);
    return state.needs.size > before;
  }

  #lookBeside(state: Recursive): void {
    for (const other of state.also) {
      const needs = this.#recursive.get(other)?.needs ?? this.#table.needs(other);
      if (state.takenOver.get(other) === needs.size) continue;
      // A task that is needed and looked beside is taken over as needed later on: the sizes are then the same.
      if (!state.needs.has(other)) state.takenOver.set(other, needs.size);
      state.pending.push(other, ...needs.keys());
    }
  }

  #lookBelow(task: number, state: Recursive): void {
    while (state.pending.length > 0) {
      const below = this.#below.recipes(state.pending.pop()!);
      if (state.merged.has(below)) continue;
      state.merged.add(below);
      const found = newBits(below, state.recipes);
      if (found.length === 0) continue;
      state.recipes = unionBits([state.recipes, below], []);
      for (const number of found) {
        const recipe = this.#table.recipes[number]!;
        for (const name of state.names) this.#add(task, state, this.#table.find(recipe, name));
      }
    }
  }

  /** Recursive tasks that depend on other recursive tasks take over from them the tasks they ask for themselves. */
  #takeOver(task: number, state: Recursive): void {
    for (const need of state.needs.keys()) {
      const other = this.#recursive.get(need);
      if (!other || state.takenOver.get(need) === other.needs.size) continue;
      state.takenOver.set(need, other.needs.size);
      for (const further of other.needs.keys()) {
        if (state.names.has(this.#table.tasks[further]!.info.name)) this.#add(task, state, further);
      }
    }
  }

  #add(task: number, state: Recursive, need: number | undefined): void {
    if (need === undefined || need === task || state.needs.has(need)) return;
    state.needs.set(need, state.why);
    state.pending.push(need);
  }
}

/**
 * Recipes below a task by its own edges, by Tarjan's algorithm over tasks as they become known. What was finished
 * once stays right: everything below it was seen then.
 */
class Below {
  readonly #table: TaskTable;
  readonly #sets: (Bits | undefined)[] = [];
  readonly #index: (number | undefined)[] = [];
  readonly #low: number[] = [];
  readonly #open: number[] = [];
  readonly #isOpen = new Set<number>();
  #next = 0;

  constructor(table: TaskTable) {
    this.#table = table;
  }

  recipes(task: number): Bits {
    if (!this.#sets[task]) this.#visit(task);
    return this.#sets[task]!;
  }

  #enter(task: number, path: { task: number; needs: Iterator<number> }[]): void {
    this.#index[task] = this.#low[task] = this.#next;
    this.#next += 1;
    this.#open.push(task);
    this.#isOpen.add(task);
    path.push({ task, needs: this.#table.needs(task).keys() });
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
      for (const need of this.#table.needs(member).keys()) {
        recipes.add(this.#table.tasks[need]!.recipe.number);
        const set = this.#sets[need];
        if (set) sets.add(set);
      }
    }
    const union = unionBits([...sets], [...recipes]);
    for (const member of members) this.#sets[member] = union;
  }
}
