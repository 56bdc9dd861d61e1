/** The work of one node of the plan: restored, run, or found to be done. */
import type { TaskId } from "@tsbake/graph";
import { mustNotRun } from "../problems.js";
import type { PlannedTask } from "../work/planned-task.js";
import type { DoneHow } from "./board.js";
import type { ExecutionParts } from "./parts.js";
import type { Replanning } from "./replanning.js";
import type { EarlyEnd } from "./early-end.js";

export class NodeWork {
  readonly #parts: ExecutionParts;
  readonly #stopping: EarlyEnd;
  readonly #replanning: Replanning;
  /** Stamps that tasks of this run have left, where there are several configurations. */
  readonly #left = new Set<string>();

  constructor(parts: ExecutionParts, stopping: EarlyEnd, replanning: Replanning) {
    this.#parts = parts;
    this.#stopping = stopping;
    this.#replanning = replanning;
  }

  /** What needs no worker is done at once. */
  doInstantly(node: TaskId): void {
    const { board, nodes, options, worker } = this.#parts;
    if (nodes.isDoneByWaiting(node)) return board.move(node, { at: "done", how: "covered" });
    if (!nodes.isInstant(node) || nodes.isLeftOut(node)) return;
    try {
      if (!options.mayRun) worker.stamp(nodes.task(node));
    } catch (error) {
      return this.#stopping.failFor(node, error);
    }
    this.#end(node, "noexec", 0);
  }

  async do(node: TaskId): Promise<void> {
    const { board, nodes, options, report, forecast } = this.#parts;
    if (this.#stopping.isStopping || nodes.isLeftOut(node)) return board.move(node, { at: "left" });
    // A restore that another one's failure has made pointless.
    if (!nodes.planner.plan.has(node) || nodes.isDoneByWaiting(node))
      return board.move(node, { at: "done", how: "covered" });
    const task = nodes.task(node);
    if (this.#isDoneElsewhere(task)) return this.#end(node, "current", 0);
    if (!nodes.isRestore(node) && options.mayRun?.(task.task) === false) {
      const diagnostics = [mustNotRun(task.label)];
      return this.#stopping.fail(
        node,
        { task: task.task, label: task.label, stopped: false, diagnostics },
        0,
      );
    }
    try {
      if (await this.#replanning.redoGone(node, task)) return;
      report.started(node, forecast.expectedMs(node));
      const isDone = nodes.isRestore(node) ? await this.#restore(node) : await this.#run(node, task);
      if (!isDone) return;
      if (nodes.isMulticonfig) this.#left.add(stampOf(nodes.task(node)));
      await this.#replanning.renewWhereOutdated();
    } catch (error) {
      this.#stopping.failFor(node, error);
    }
  }

  /** @returns whether it is done */
  async #run(node: TaskId, task: PlannedTask): Promise<boolean> {
    const { options, worker, forecast, report } = this.#parts;
    const began = performance.now();
    const failure = options.mayRun ? undefined : await worker.run(task);
    const elapsedMs = performance.now() - began;
    if (failure) this.#stopping.fail(node, failure, elapsedMs);
    else {
      // How long a person stays in a shell tells nothing of the build.
      if (!task.info.interactive) {
        forecast.record(node, elapsedMs);
        report.took(node, elapsedMs);
      }
      this.#end(node, "ran", elapsedMs);
    }
    return !failure;
  }

  /** What another configuration has just done in the same folder needs no doing. @returns whether it is done */
  async #restore(node: TaskId): Promise<boolean> {
    const { nodes, worker, forecast } = this.#parts;
    const began = performance.now();
    const before = this.#replanning.changes;
    const elsewhere = await nodes.planner.checkDeferred(node);
    const end = elsewhere ?? (await worker.restore(nodes.task(node)));
    const elapsedMs = performance.now() - began;
    if (end === "missing") await this.#replanning.runInstead(node);
    else if (end !== "done") this.#stopping.fail(node, end, elapsedMs);
    else {
      forecast.record(node, elapsedMs);
      this.#end(node, "restored", elapsedMs);
      if (before !== this.#replanning.changes && worker.restamp()) this.#replanning.outdate();
    }
    return end === "done";
  }

  /** Another configuration has just done it, in the same folder. */
  #isDoneElsewhere(task: PlannedTask): boolean {
    const { nodes, options } = this.#parts;
    const { recipe, name, signature, info } = task;
    if (!nodes.isMulticonfig || info.nostamp || !this.#left.has(stampOf(task))) return false;
    return options.stamps.state(recipe, name, signature.unihash) !== undefined;
  }

  #end(node: TaskId, how: Exclude<DoneHow, "covered">, elapsedMs: number): void {
    this.#parts.board.move(node, { at: "done", how });
    this.#parts.report.ended(node, how, elapsedMs);
  }
}

function stampOf({ recipe, name, signature }: PlannedTask): string {
  return `${recipe.stamp}.${name}.${signature.unihash}`;
}
