/**
 * The same task in several multiconfigs: one is done, the others wait for it. Two tasks are twins when they would leave the
 * same stamp (the configurations share a folder), or make the same object of shared state.
 *
 * @see BitBake 2.19 lib/bb/runqueue.py, sq_deferred: there only tasks with shared state wait, and any that have one hash
 */
import type { TaskId } from "@tsbake/graph";

export class Twins {
  readonly #keysOf: (task: TaskId) => readonly string[];
  readonly #first = new Map<string, TaskId>();
  readonly #twinOf = new Map<TaskId, TaskId>();

  /** @param keysOf texts that twins have in common; asked once for each task */
  constructor(keysOf: (task: TaskId) => readonly string[]) {
    this.#keysOf = keysOf;
  }

  /** The twin that is done first, or undefined: then `task` is the one that others wait for. */
  find(task: TaskId): TaskId | undefined {
    const known = this.#twinOf.get(task);
    if (known !== undefined) return known;
    for (const key of this.#keysOf(task)) {
      const first = this.#first.get(key);
      if (first === undefined) this.#first.set(key, task);
      else if (first !== task && !this.#twinOf.has(task)) this.#twinOf.set(task, first);
    }
    return this.#twinOf.get(task);
  }

  /** What `find` has found. */
  of(task: TaskId): TaskId | undefined {
    return this.#twinOf.get(task);
  }
}
