/**
 * The same task in several multiconfigs: one is done, the others wait for it. A task is deferred to another one with
 * which it would leave the same stamp (the configurations share a folder), or make the same object of shared state.
 *
 * @see BitBake 2.19 lib/bb/runqueue.py, sq_deferred: there only tasks with shared state wait, and any that have one hash
 */
import type { TaskId } from "@tsbake/graph";

export class DeferredTasks {
  readonly #alone = new Set<TaskId>();
  readonly #keysOf: (task: TaskId) => readonly string[];
  readonly #first = new Map<string, TaskId>();
  readonly #firstOf = new Map<TaskId, TaskId>();

  /** @param keysOf texts that such tasks have in common; asked once for each task */
  constructor(keysOf: (task: TaskId) => readonly string[]) {
    this.#keysOf = keysOf;
  }

  /** The task that is done first, or undefined: then `task` is the one that others wait for. */
  find(task: TaskId): TaskId | undefined {
    const known = this.#firstOf.get(task);
    if (known !== undefined || this.#alone.has(task)) return known;
    for (const key of this.#keysOf(task)) {
      const first = this.#first.get(key);
      if (first === undefined) this.#first.set(key, task);
      else if (first !== task && !this.#firstOf.has(task)) this.#firstOf.set(task, first);
    }
    return this.#firstOf.get(task);
  }

  /** It waits for nobody any more. */
  free(task: TaskId): void {
    this.#alone.add(task);
    this.#firstOf.delete(task);
  }

  /** What `find` has found. */
  of(task: TaskId): TaskId | undefined {
    return this.#firstOf.get(task);
  }
}

/**
 * Nodes that wait for each other in a circle: with `[mcdepends]`, a first task can need one that needs a
 * deferred one. Undefined when all can be done one after the other.
 */
export function findCircle(
  nodes: readonly TaskId[],
  waits: (node: TaskId) => readonly TaskId[],
): TaskId[] | undefined {
  const known = new Set(nodes);
  const before = new Map(nodes.map((node) => [node, waits(node).filter((other) => known.has(other))]));
  const open = new Map([...before].map(([node, others]) => [node, others.length]));
  const after = new Map<TaskId, TaskId[]>();
  for (const [node, others] of before) {
    for (const other of others) {
      const list = after.get(other);
      if (list) list.push(node);
      else after.set(other, [node]);
    }
  }
  const done = nodes.filter((node) => open.get(node) === 0);
  // A list grows while it is walked.
  for (const node of done) {
    for (const next of after.get(node) ?? []) {
      open.set(next, open.get(next)! - 1);
      if (open.get(next) === 0) done.push(next);
    }
  }
  if (done.length === nodes.length) return undefined;
  const left = new Set(nodes);
  for (const node of done) left.delete(node);
  // Each that is left waits for one that is left, so this comes back to where it was.
  const path: TaskId[] = [];
  const seen = new Map<TaskId, number>();
  for (let at = [...left][0]!; ; at = before.get(at)!.find((other) => left.has(other))!) {
    const start = seen.get(at);
    if (start !== undefined) return path.slice(start);
    seen.set(at, path.length);
    path.push(at);
  }
}
