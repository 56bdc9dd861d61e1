/** What is told of a run: its events as they come, and the summary that counts them. */
import type { TaskId } from "@tsbake/graph";
import type { Board, DoneHow } from "./board.js";
import type { RunEvent, RunSummary, TaskFailure, TaskName } from "../events.js";
import type { RunOptions } from "../options.js";
import type { Nodes } from "../plan/nodes.js";
import { tainted } from "../problems.js";

const SLOWEST_SHOWN = 10;

export class Report {
  readonly #options: RunOptions;
  readonly #nodes: Nodes;
  readonly #board: Board;
  readonly #began: number;
  readonly #times: (TaskName & { readonly elapsedMs: number })[] = [];
  #warnings = 0;
  #errorMessages = 0;

  /** @param began `performance.now()` */
  constructor(options: RunOptions, nodes: Nodes, board: Board, began: number) {
    this.#options = options;
    this.#nodes = nodes;
    this.#board = board;
    this.#began = began;
  }

  emit(event: RunEvent): void {
    if (event.type === "warning" && event.diagnostic.severity === "error") this.#errorMessages++;
    else if (event.type === "warning" || event.type === "restore-failed") this.#warnings++;
    if (event.type === "task-message" && event.level === "warning") this.#warnings++;
    if (event.type === "task-message" && event.level === "error") this.#errorMessages++;
    this.#options.onEvent(event);
  }

  /** What will be done, and what need not be. */
  plan(estimateMs: number | undefined): void {
    const { graph } = this.#options;
    const nodes = this.#nodes;
    const { plan } = nodes.planner;
    const todo = nodes.todo();
    const restores = todo.filter((node) => nodes.isRestore(node));
    const numbered = todo.filter((node) => nodes.takesANumber(node)).length;
    this.emit({
      type: "plan",
      ...this.#counts(),
      noexec: todo.filter((node) => nodes.isInstant(node)).length,
      toRestore: restores.length,
      toRun: numbered - restores.length,
      ...(estimateMs !== undefined && { estimateMs }),
    });
    const restored = new Set(restores.map((node) => nodes.planner.taskOf(node)));
    for (const task of graph.order) {
      const decision = plan.get(task);
      const label = graph.label(task);
      if (decision === "run" && nodes.isTainted(task))
        this.emit({ type: "warning", diagnostic: tainted(label) });
      if (restored.has(task) || decision === "run") continue;
      const reason = decision === "current" ? "current" : "covered";
      this.emit({ type: "task-skipped", task, label, reason, elapsedMs: 0 });
    }
  }

  started(node: TaskId, expectedMs: number | undefined): void {
    const { task, label } = this.#nodes.task(node);
    this.emit({
      type: "task-started",
      task,
      label,
      how: this.#nodes.isRestore(node) ? "restore" : "run",
      ...this.#board.begin(node),
      ...(expectedMs !== undefined && { expectedMs }),
    });
  }

  ended(node: TaskId, how: Exclude<DoneHow, "covered">, elapsedMs: number): void {
    const { task, label } = this.#nodes.task(node);
    if (how === "ran") this.emit({ type: "task-finished", task, label, elapsedMs });
    else this.emit({ type: "task-skipped", task, label, reason: how, elapsedMs });
  }

  failed(failure: TaskFailure, elapsedMs: number): void {
    const { task, label } = failure;
    this.emit({ type: "task-failed", task, label, elapsedMs, failure });
  }

  /** For the list of the slowest. */
  took(node: TaskId, elapsedMs: number): void {
    const { task, label } = this.#nodes.task(node);
    this.#times.push({ task, label, elapsedMs });
  }

  /** The last event, too. */
  finish(interrupted: boolean): RunSummary {
    const board = this.#board;
    const failed = board.failures;
    const ended = new Set([...board.tasks("failed"), ...failed.map(({ task }) => task)]);
    const notStarted = this.#nodes
      .todo()
      .filter((node) => !board.isSettled(node) && !this.#nodes.isDoneByWaiting(node) && !ended.has(node));
    const { total, current, covered } = this.#counts();
    const left = this.#options.setscene === "only" ? 0 : notStarted.length;
    const summary: RunSummary = {
      total,
      ran: board.count("ran"),
      restored: board.count("restored"),
      current: current + board.count("current"),
      covered,
      noexec: board.count("noexec"),
      failed,
      notStarted,
      interrupted,
      errorMessages: this.#errorMessages,
      warnings: this.#warnings,
      slowest: this.#times.toSorted((one, other) => other.elapsedMs - one.elapsedMs).slice(0, SLOWEST_SHOWN),
      elapsedMs: performance.now() - this.#began,
      ok: failed.length === 0 && left === 0 && this.#errorMessages === 0 && !interrupted,
    };
    this.emit({ type: "finished", summary });
    return summary;
  }

  #counts(): { readonly total: number; readonly current: number; readonly covered: number } {
    const { order } = this.#options.graph;
    const { plan } = this.#nodes.planner;
    const restored = new Set<TaskId>();
    for (const node of plan.keys())
      if (this.#nodes.isRestore(node)) restored.add(this.#nodes.planner.taskOf(node));
    const current = order.filter((task) => plan.get(task) === "current").length;
    const run = order.filter((task) => plan.get(task) === "run").length;
    return { total: order.length, current, covered: order.length - current - run - restored.size };
  }
}
