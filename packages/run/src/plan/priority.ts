/**
 * Which ready task goes first. `speed`: the one with the longest way ahead of it, in time where times are known. `basic`:
 * in the order of the graph. `completion`: what comes late in its recipe, so that recipes are finished, and their
 * folders can go, before others are begun.
 *
 * @see BitBake 2.19 lib/bb/runqueue.py, RunQueueScheduler and its two sons
 */
import type { TaskId } from "@tsbake/graph";

/** For a task never timed, in ms: about what a small shell body takes. */
const unknownMs = 200;

export interface PriorityInput {
  /** Planned tasks, needed ones before those that need them. */
  readonly order: readonly TaskId[];
  /** Planned tasks that need this one. */
  dependents(task: TaskId): readonly TaskId[];
  /** Expected duration in ms, if known. */
  expectedMs(task: TaskId): number | undefined;
}

export const SCHEDULERS = ["basic", "speed", "completion"] as const;
export type Scheduler = (typeof SCHEDULERS)[number];

/** What `basic` and `completion` go by. */
export interface TaskPlaces {
  readonly order: readonly TaskId[];
  needs(task: TaskId): readonly TaskId[];
  node(task: TaskId): { readonly recipe: string; readonly task: string };
}

/** More than any way ahead is long, in ms. */
const LONGER_THAN_ALL = 1e12;

/** By task: the higher, the earlier. Under `basic` and `completion` restores come before all bodies. */
export class Priorities {
  readonly #scheduler: Scheduler;
  readonly #places: TaskPlaces;
  readonly #isRestore: (node: TaskId) => boolean;
  #ahead: ReadonlyMap<TaskId, number> = new Map();
  #ranks: ReadonlyMap<string, number> | undefined;

  constructor(scheduler: Scheduler, places: TaskPlaces, isRestore: (node: TaskId) => boolean) {
    this.#scheduler = scheduler;
    this.#places = places;
    this.#isRestore = isRestore;
  }

  /** The plan has changed. */
  set(input: PriorityInput): void {
    this.#ahead = pathsAhead(input);
  }

  /** @param task what the node is about */
  of(node: TaskId, task: TaskId): number {
    const ahead = this.#ahead.get(node) ?? 0;
    if (this.#scheduler === "speed") return ahead;
    if (this.#isRestore(node)) return LONGER_THAN_ALL ** 2 + ahead;
    this.#ranks ??= this.#scheduler === "basic" ? backwards(this.#places) : depths(this.#places);
    const key = this.#scheduler === "basic" ? task : this.#places.node(task).task;
    return (this.#ranks.get(key) ?? 0) * LONGER_THAN_ALL + ahead;
  }
}

function backwards({ order }: TaskPlaces): Map<string, number> {
  return new Map(order.map((task, at) => [task, order.length - at]));
}

/** By task name: how many tasks of its recipe come one after the other before it, where it has most. */
function depths(places: TaskPlaces): Map<string, number> {
  const depth = new Map<TaskId, number>();
  const most = new Map<string, number>();
  for (const id of places.order) {
    const { recipe, task } = places.node(id);
    const before = places.needs(id).filter((need) => places.node(need).recipe === recipe);
    const own = 1 + Math.max(0, ...before.map((need) => depth.get(need) ?? 0));
    depth.set(id, own);
    most.set(task, Math.max(own, most.get(task) ?? 0));
  }
  return most;
}

/** For each task the time in ms from its start to the end of all that waits for it, if nothing else were in the way. */
export function pathsAhead(input: PriorityInput): Map<TaskId, number> {
  const ahead = new Map<TaskId, number>();
  for (const task of input.order.toReversed()) {
    let longest = 0;
    for (const dependent of input.dependents(task)) longest = Math.max(longest, ahead.get(dependent) ?? 0);
    ahead.set(task, longest + (input.expectedMs(task) ?? unknownMs));
  }
  return ahead;
}

/** A lower bound of the wall time in ms: the longest path, or the sum over all threads. */
export function estimate(
  input: PriorityInput,
  ahead: ReadonlyMap<TaskId, number>,
  threads: number,
): number | undefined {
  let longest = 0;
  let sum = 0;
  let unknown = 0;
  for (const task of input.order) {
    const expected = input.expectedMs(task);
    if (expected === undefined) unknown++;
    sum += expected ?? unknownMs;
    longest = Math.max(longest, ahead.get(task) ?? 0);
  }
  // A guess built mostly on guesses would mislead.
  if (unknown * 5 > input.order.length) return undefined;
  return Math.max(longest, sum / Math.max(1, threads));
}
