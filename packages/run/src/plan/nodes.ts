/** The nodes of a plan: what each is about, and what the plan has decided on it. */
import type { TaskId } from "@tsbake/graph";
import type { Limit } from "../loop/board.js";
import type { RunOptions } from "../options.js";
import type { PlannedTask } from "../work/planned-task.js";
import { DemandPlanner } from "./planner.js";
import type { Planner } from "./planner.js";
import { ScenePlanner } from "./scene-planner.js";

export class Nodes {
  readonly planner: Planner;
  /** Some task is of a configuration with a name. */
  readonly isMulticonfig: boolean;
  readonly #options: RunOptions;
  readonly #tasks = new Map<TaskId, PlannedTask>();

  /** @param changedMs when stamps were last taken away, see PlannerInput */
  constructor(options: RunOptions, changedMs: () => number) {
    this.#options = options;
    const { graph, stamps, store, setscene, scene, openPython } = options;
    this.isMulticonfig = graph.order.some((task) => graph.label(task).startsWith("mc:"));
    const input = {
      order: graph.order,
      targets: graph.targets,
      needs: (task: TaskId) => graph.needs(task),
      task: (task: TaskId) => this.task(task),
      stamps,
      store,
      setscene,
      changedMs,
      isMulticonfig: this.isMulticonfig,
      isEnforced: options.mayRun !== undefined,
    };
    this.planner =
      scene && setscene !== "off" ? new ScenePlanner(input, scene, openPython) : new DemandPlanner(input);
  }

  /** Those that are not done at the start, needed ones first. */
  todo(): TaskId[] {
    return this.planner.todo();
  }

  /** The task that the node is about. */
  task(node: TaskId): PlannedTask {
    // A planner that is being made asks for tasks only.
    const id = (this.planner as Planner | undefined)?.taskOf(node) ?? node;
    let task = this.#tasks.get(id);
    if (!task) {
      task = this.#describe(id);
      this.#tasks.set(id, task);
    }
    return task;
  }

  /** Their signatures have changed. */
  forget(tasks: readonly TaskId[]): void {
    for (const task of tasks) this.#tasks.delete(task);
  }

  isRestore(node: TaskId): boolean {
    return this.planner.plan.get(node) === "restore";
  }

  /** It has nothing to execute. */
  isInstant(node: TaskId): boolean {
    return this.planner.plan.get(node) === "run" && this.task(node).info.noexec === true;
  }

  /** It is done as soon as what it waits for is. */
  isDoneByWaiting(node: TaskId): boolean {
    const decision = this.planner.plan.get(node);
    return decision === "covered" || decision === "current";
  }

  /** --setscene-only: bodies are not executed. */
  isLeftOut(node: TaskId): boolean {
    return this.#options.setscene === "only" && this.planner.plan.get(node) === "run";
  }

  /** In the display. */
  takesANumber(node: TaskId): boolean {
    return !this.isDoneByWaiting(node) && !this.isInstant(node);
  }

  isTainted(node: TaskId): boolean {
    const { info, signature } = this.task(node);
    return signature.taint !== undefined && !info.nostamp;
  }

  /** What it shares with others of which only so many may run. */
  limits(node: TaskId): Limit[] {
    const { taskThreads, checkReads } = this.#options.settings;
    const { name, recipe } = this.task(node);
    const most = this.isRestore(node) ? undefined : taskThreads?.get(name);
    const limits = most === undefined ? [] : [{ group: name, most }];
    // Whose a new file in the recipe's folder is can be told only of one at a time.
    if (checkReads) limits.push({ group: `${recipe.stamp} reads`, most: 1 });
    // Configurations that share a folder: what writes into it at the same time would spoil it.
    return this.isMulticonfig ? [...limits, { group: `${recipe.stamp}.${name}`, most: 1 }] : limits;
  }

  #describe(id: TaskId): PlannedTask {
    const { graph, project, signatures } = this.#options;
    const node = graph.node(id);
    const recipe = project.recipes.get(node.recipe);
    const info = recipe?.tasks[node.task];
    if (!recipe || !info) throw new Error(`internal: the graph has a task that no recipe has: ${id}`);
    return { task: id, label: graph.label(id), name: node.task, recipe, info, signature: signatures.of(id) };
  }
}
