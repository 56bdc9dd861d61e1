/**
 * From two records of a task to the inputs that made them differ in the end: a needed task whose signature changed is
 * followed to its own records, and so on down.
 */
import { compareExplanations, type InputChange, type TaskChange } from "./compare.js";
import type { SignatureExplanation } from "../types.js";

/** An input that changed, and whom it concerns. */
export interface Cause {
  /** Of kind `task` only when that task could not be followed: it is new, gone, or one of its records is lost. */
  readonly change: InputChange;
  /** Tasks with this input, each with the way to it: labels from the task that was asked about, itself included. */
  readonly tasks: readonly { readonly label: string; readonly path: readonly string[] }[];
}

/** A record by task and unihash, or undefined when there is none (any more). */
export type FindRecord = (label: string, unihash: string) => Promise<SignatureExplanation | undefined>;

export interface TracedValue {
  readonly label: string;
  readonly before: SignatureExplanation;
  readonly after: SignatureExplanation;
}

/**
 * Every input that differs at or below the task, nearest first; an input that several tasks read comes once. Empty when
 * the inputs are the same.
 */
export async function traceChanges(start: TracedValue, find: FindRecord): Promise<Cause[]> {
  const causes = new Map<string, { change: InputChange; tasks: { label: string; path: string[] }[] }>();
  const seen = new Set<string>();
  const queue: (TracedValue & { readonly path: string[] })[] = [{ ...start, path: [start.label] }];
  const add = (change: InputChange, label: string, path: string[]) => {
    const key = changeKey(change);
    const cause = causes.get(key) ?? { change, tasks: [] };
    if (!cause.tasks.some((task) => task.label === label)) cause.tasks.push({ label, path });
    causes.set(key, cause);
  };
  // Breadth first, so that every path is a shortest one; a list grows while it is walked.
  for (const { label, before, after, path } of queue) {
    for (const change of compareExplanations(before, after)) {
      if (change.kind !== "task") {
        add(change, label, path);
        continue;
      }
      const key = `${change.label} ${change.before} ${change.after}`;
      if (seen.has(key)) continue;
      seen.add(key);
      const next = await follow(change, find);
      if (next && compareExplanations(next.before, next.after).length > 0) {
        queue.push({ ...next, path: [...path, change.label] });
      } else add(change, label, path);
    }
  }
  return [...causes.values()];
}

async function follow(change: TaskChange, find: FindRecord): Promise<TracedValue | undefined> {
  if (change.before === undefined || change.after === undefined) return undefined;
  const { label } = change;
  const [before, after] = await Promise.all([find(label, change.before), find(label, change.after)]);
  return before && after && { label, before, after };
}

/** Equal for changes that say the same of the same input; who uses a variable does not matter for that. */
export function changeKey(change: InputChange): string {
  const { kind } = change;
  if (kind === "references") return JSON.stringify([kind, change.name, change.added, change.gone]);
  const name = kind === "task" ? change.label : "name" in change ? change.name : "";
  // An input that is not set is another thing than one that is not there.
  const side = (value: string | null | undefined) => (value === undefined ? [] : [value]);
  return JSON.stringify([kind, name, side(change.before), side(change.after)]);
}
