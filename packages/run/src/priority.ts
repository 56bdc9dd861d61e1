/** Which ready task goes first: the one with the longest way ahead of it, in time where times are known. */
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
