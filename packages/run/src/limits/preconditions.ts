/** What a task would fail without after all that it needs is done: asked for before anything runs. */
import type { TaskId } from "@tsbake/graph";
import { BuildError, checkSigningPair } from "@tsbake/base";
import type { Diagnostic } from "@tsbake/base";
import type { TaskInfo } from "@tsbake/recipe";
import { demandCage } from "@tsbake/sandbox";
import type { Planner } from "../plan/planner.js";

/**
 * A place for packages where a task installs some ([cage]), and a key and certificate that belong together where one signs
 * ([signing-key]).
 *
 * @throws BuildError `sandbox/no-cage`, `sandbox/no-namespaces`, `base/bad-signing-key`
 */
export async function checkPreconditions(
  planner: Planner,
  infoOf: (task: TaskId) => TaskInfo,
): Promise<void> {
  const running = planner.todo().filter((node) => planner.plan.get(node) === "run");
  const tasks = running.map((node) => infoOf(planner.taskOf(node)));
  const pairs = tasks.flatMap(({ signing }) => (signing ? [signing] : []));
  const found = new Map<string, Diagnostic>();
  for (const pair of pairs) {
    try {
      await checkSigningPair(pair);
    } catch (error) {
      if (!(error instanceof BuildError)) throw error;
      for (const one of error.diagnostics) found.set(one.message, one);
    }
  }
  if (found.size > 0) throw new BuildError([...found.values()]);
  if (tasks.some(({ cage }) => cage)) await demandCage();
}
