/** What this machine can shut off: the network from tasks without [network], itself from packages. */
import type { TaskId } from "@tsbake/graph";
import type { TaskInfo } from "@tsbake/recipe";
import { demandCage, openIsolation } from "@tsbake/sandbox";
import type { Isolation } from "@tsbake/sandbox";
import type { RunEvent } from "../events.js";
import type { Planner } from "../plan/planner.js";
import { noIsolation } from "../problems.js";

export function networkIsolation(onEvent: (event: RunEvent) => void): Isolation {
  return openIsolation((reason) => onEvent({ type: "warning", diagnostic: noIsolation(reason) }));
}

/**
 * Before a plan with a task that installs packages ([cage]): it would fail after all that it needs is done.
 *
 * @throws BuildError `sandbox/no-cage`, `sandbox/no-namespaces`
 */
export async function demandCageFor(planner: Planner, infoOf: (task: TaskId) => TaskInfo): Promise<void> {
  const isNeeded = planner
    .todo()
    .some((node) => planner.plan.get(node) === "run" && infoOf(planner.taskOf(node)).cage);
  if (isNeeded) await demandCage();
}
