/** What stamps promise beside shared folders: the work folder of their recipe, which only one signature of a task can have. */
import { BuildError } from "@tsbake/base";
import type { TaskGraph, TaskId } from "@tsbake/graph";
import type { Stamps } from "../outputs/stamps.js";
import { sharedWorkFolder } from "../problems.js";
import type { PlannedTask } from "../work/planned-task.js";

export interface PromiseFacts {
  readonly graph: Pick<TaskGraph, "needs" | "node">;
  readonly stamps: Stamps;
  readonly isDone: (task: TaskId) => boolean;
  readonly task: (task: TaskId) => PlannedTask;
}

/** Tasks of the same recipe that come before `id` and that this run has not done: their stamps say that they are. */
export function promisedBelow(id: TaskId, { graph, stamps, isDone, task }: PromiseFacts): PlannedTask[] {
  const found = new Map<TaskId, PlannedTask>();
  const { recipe } = graph.node(id);
  const queue = new Set([id]);
  // A set grows while it is walked.
  for (const at of queue) {
    for (const need of graph.needs(at)) {
      if (graph.node(need).recipe !== recipe || isDone(need) || found.has(need)) continue;
      const planned = task(need);
      const state = stamps.state(planned.recipe, planned.name, planned.signature.unihash);
      // A task that executes nothing has made no folder, whatever its flags name.
      if (state !== undefined && !planned.info.noexec) found.set(need, planned);
      // Below what was restored nothing was done.
      if (state === "real") queue.add(need);
    }
  }
  return [...found.values()];
}

/**
 * Two configurations that would do a task with different inputs in one work folder would each spoil what the other has made.
 *
 * @throws BuildError `run/shared-work-folder` with every recipe, one task of each
 */
export function checkWorkFolders(nodes: Iterable<TaskId>, taskOf: (task: TaskId) => PlannedTask): void {
  const first = new Map<string, PlannedTask>();
  const clashes = new Map<string, [PlannedTask, PlannedTask]>();
  for (const node of nodes) {
    const task = taskOf(node);
    const { recipe, name, info, signature } = task;
    if (info.noexec || info.nostamp) continue;
    const key = `${recipe.stamp}.${name}`;
    const other = first.get(key);
    if (!other) first.set(key, task);
    else if (other.signature.unihash !== signature.unihash && !clashes.has(recipe.stamp)) {
      clashes.set(recipe.stamp, [other, task]);
    }
  }
  if (clashes.size === 0) return;
  throw new BuildError([...clashes.values()].map(([one, other]) => sharedWorkFolder(one.label, other.label)));
}

/** Stamps that have been looked at with all that they stand for are new again. */
export function refresh(
  tasks: Iterable<TaskId>,
  { stamps, task }: Pick<PromiseFacts, "stamps" | "task">,
): void {
  for (const id of tasks) {
    const { recipe, name, signature } = task(id);
    stamps.refresh(recipe, name, signature.unihash);
  }
}
