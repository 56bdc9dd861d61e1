/**
 * What has to be done for the targets: a pure function of the graph, the stamps and the store.
 *
 * From the targets down: a task that is current is done, and so is one whose artifact is restored; nobody asks what these
 * needed. Every other task runs, and everything it needs is asked in turn. So setscene is no separate phase, and there
 * are no setscene tasks to write: having an artifact is enough.
 */
import type { TaskId } from "@tsbake/graph";

/**
 * `current`: its stamp is there. `restore`: its artifact is in the store. `run`: its body is executed. `covered`: nothing
 * to do but to wait for what is below it.
 */
export type Decision = "current" | "restore" | "run" | "covered";
/** Tasks that no target needs are not in it, or covered. */
export type Plan = Map<TaskId, Decision>;

export interface PlanFacts {
  needs(task: TaskId): readonly TaskId[];
  isCurrent(task: TaskId): boolean;
  /** Its artifact can be had. Asked only for tasks that are not current. */
  isStored(task: TaskId): boolean;
}

/**
 * Decides on `tasks` and all that they turn out to need, adding to `plan`; what is decided already stays.
 *
 * @returns the newly decided tasks, each after whatever asked for it
 */
export function demand(plan: Plan, tasks: Iterable<TaskId>, facts: PlanFacts): TaskId[] {
  const added: TaskId[] = [];
  const decide = (task: TaskId) => {
    if (plan.has(task)) return;
    plan.set(task, facts.isCurrent(task) ? "current" : facts.isStored(task) ? "restore" : "run");
    added.push(task);
  };
  for (const task of tasks) decide(task);
  for (let index = 0; index < added.length; index++) {
    const task = added[index]!;
    if (plan.get(task) === "run") for (const need of facts.needs(task)) decide(need);
  }
  return added;
}

/**
 * A restore went wrong: the task runs instead, and so it has needs now.
 *
 * @returns the newly decided tasks
 */
export function runInstead(plan: Plan, task: TaskId, facts: PlanFacts): TaskId[] {
  plan.set(task, "run");
  return demand(plan, facts.needs(task), facts);
}

/**
 * The tasks that a plan might restore: all that are not current, down to the first current ones, and have an artifact.
 * Asked of the store in one batch; some are below others, and an answer for them may turn out not to be needed.
 */
export function restoreCandidates(
  targets: Iterable<TaskId>,
  facts: Pick<PlanFacts, "needs" | "isCurrent">,
  hasArtifact: (task: TaskId) => boolean,
): TaskId[] {
  const seen = new Set<TaskId>(targets);
  const candidates: TaskId[] = [];
  // A set grows while it is walked.
  for (const task of seen) {
    if (facts.isCurrent(task)) continue;
    if (hasArtifact(task)) candidates.push(task);
    for (const need of facts.needs(task)) seen.add(need);
  }
  return candidates;
}
