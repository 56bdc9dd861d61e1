/** A plan that changes while it runs: outputs that are known, artifacts that are missing, outputs that are gone. */
import type { TaskId } from "@tsbake/graph";
import { promisedBelow } from "../plan/promises.js";
import { outputGone } from "../problems.js";
import type { PlannedTask } from "../work/planned-task.js";
import type { ExecutionParts } from "./parts.js";

export class Replanning {
  readonly #parts: ExecutionParts;
  /** Done again since what they had left was gone; once in a run. */
  readonly #redone = new Set<TaskId>();
  /** Plans being made anew, one after the other, and how many. */
  #renewal: Promise<void> = Promise.resolve();
  #renewals = 0;
  /** Signatures have changed since the plan was made, and how often they did. */
  #isOutdated = false;
  #changes = 0;

  constructor(parts: ExecutionParts) {
    this.#parts = parts;
  }

  /** How often signatures have changed. */
  get changes(): number {
    return this.#changes;
  }

  signaturesChanged(): void {
    this.#isOutdated = true;
    this.#changes++;
  }

  /** The plan is made anew when the next task ends. */
  outdate(): void {
    this.#isOutdated = true;
  }

  /**
   * The output of a task was one that is known: what would have run for its sake may be done already. Nobody who waited for
   * that task starts by an old plan.
   */
  async renewWhereOutdated(): Promise<void> {
    if (!this.#isOutdated && this.#renewals === 0) return;
    const { board, nodes, queue, worker } = this.#parts;
    this.#renewals++;
    queue.pause();
    this.#renewal = this.#renewal.then(async () => {
      if (!this.#isOutdated) return;
      this.#isOutdated = false;
      worker.restamp();
      const running = board.tasks("running");
      await nodes.planner.renew?.((task) => board.isSettled(task) || running.has(task));
      this.#replan();
    });
    try {
      await this.#renewal;
    } finally {
      if (--this.#renewals === 0) queue.resume();
    }
  }

  /** The node of a restore whose artifact is missing is done with that, or is the body's, and starts again. */
  async runInstead(node: TaskId): Promise<void> {
    const { board, nodes } = this.#parts;
    const how = await nodes.planner.runInstead(node);
    if (how === "done") board.move(node, { at: "done", how: "covered" });
    this.#replan();
  }

  /** What a task of this recipe promises by an old stamp, and is gone, is done again before this one. @returns whether */
  async redoGone(node: TaskId, task: PlannedTask): Promise<boolean> {
    const { board, nodes, options, report, worker } = this.#parts;
    const { planner } = nodes;
    if (!planner.redo || nodes.isRestore(node) || options.mayRun) return false;
    const isDone = (need: TaskId) => board.isSettled(need);
    const known = (need: TaskId) => nodes.task(need);
    const earlier = promisedBelow(node, { ...options, isDone, task: known });
    const found = await worker.findGone(task, earlier);
    const gone = found.filter((one) => !this.#redone.has(one.task.task));
    if (gone.length === 0) return false;
    for (const { task: lost, folder } of gone) {
      this.#redone.add(lost.task);
      report.emit({ type: "warning", diagnostic: outputGone(task.label, lost.label, folder) });
    }
    const again = gone.map((one) => one.task.task);
    await planner.redo(node, again);
    this.#replan();
    return true;
  }

  #replan(): void {
    const { forecast, nodes, queue } = this.#parts;
    const todo = nodes.todo();
    forecast.follow(todo);
    queue.replan(todo);
  }
}
