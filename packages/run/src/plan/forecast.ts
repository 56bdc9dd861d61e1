/** How long nodes of the plan are expected to take, and so which of them goes first. */
import type { TaskId } from "@tsbake/graph";
import type { RunOptions } from "../options.js";
import type { Durations } from "./durations.js";
import type { Nodes } from "./nodes.js";
import { estimate, pathsAhead, Priorities } from "./priority.js";
import type { PriorityInput } from "./priority.js";

export class Forecast {
  readonly #nodes: Nodes;
  readonly #durations: Durations;
  readonly #priorities: Priorities;
  readonly #threads: number;

  constructor({ graph, settings }: RunOptions, nodes: Nodes, durations: Durations) {
    this.#nodes = nodes;
    this.#durations = durations;
    this.#threads = settings.threads;
    this.#priorities = new Priorities(settings.scheduler ?? "speed", graph, (node) => nodes.isRestore(node));
  }

  /** The plan has changed. @param todo what is to be done by it */
  follow(todo: readonly TaskId[]): void {
    this.#priorities.set(this.#input(todo));
  }

  /** The higher, the earlier. */
  priority(node: TaskId): number {
    return this.#priorities.of(node, this.#nodes.planner.taskOf(node));
  }

  /** In ms; undefined for what was never timed. */
  expectedMs(node: TaskId): number | undefined {
    const isQuick = this.#nodes.isInstant(node) || this.#nodes.isDoneByWaiting(node);
    return isQuick ? 0 : this.#durations.of(this.#name(node));
  }

  /** Of all of it, in ms; undefined when too little is known. */
  estimateMs(todo: readonly TaskId[]): number | undefined {
    const input = this.#input(todo);
    return estimate(input, pathsAhead(input), this.#threads);
  }

  record(node: TaskId, elapsedMs: number): void {
    this.#durations.record(this.#name(node), elapsedMs);
  }

  save(): Promise<void> {
    return this.#durations.save();
  }

  /** Restoring a task takes another time than running it. */
  #name(node: TaskId): string {
    const { label } = this.#nodes.task(node);
    return this.#nodes.isRestore(node) ? `${label} (restore)` : label;
  }

  #input(order: readonly TaskId[]): PriorityInput {
    const dependents = new Map<TaskId, TaskId[]>();
    for (const node of order) {
      for (const need of this.#nodes.planner.waits(node)) {
        const list = dependents.get(need);
        if (list) list.push(node);
        else dependents.set(need, [node]);
      }
    }
    return {
      order,
      dependents: (node) => dependents.get(node) ?? [],
      expectedMs: (node) => this.expectedMs(node),
    };
  }
}
