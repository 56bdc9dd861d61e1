/** Who decides what has to be done, and what it waits for. Two rules: {@link DemandPlanner}, and ScenePlanner. */
import type { TaskId } from "@tsbake/graph";
import type { Store } from "@tsbake/sstate";
import { objectName } from "../outputs/artifact.js";
import type { SetsceneMode } from "../options.js";
import { demand, restoreCandidates, runInstead } from "./plan.js";
import type { Plan, PlanFacts } from "./plan.js";
import type { Stamps } from "../outputs/stamps.js";
import { findCircle, DeferredTasks } from "./deferred.js";
import type { PlannedTask } from "../work/planned-task.js";

/**
 * A plan and how to change it. What it decides on are nodes of the queue: tasks and, where restoring is a step of its own,
 * the restores.
 */
export interface Planner {
  readonly plan: Plan;
  prepare(): Promise<void>;
  /** Nodes not done at the start, in an order in which they could be done; empty when there is nothing to do. */
  todo(): TaskId[];
  /** What must be done before; what is current is not among it. */
  waits(node: TaskId): readonly TaskId[];
  /** The task that a node is about. */
  taskOf(node: TaskId): TaskId;
  /**
   * Called before a restore starts, for one that waited for another (see deferred.ts).
   *
   * @returns how it ends without a restore; undefined when there is one to be done
   */
  checkDeferred(node: TaskId): Promise<"done" | "missing" | undefined>;
  /**
   * A restore went wrong: the plan is changed so that the task runs.
   *
   * @returns what that means for the node itself
   */
  runInstead(node: TaskId): Promise<"again" | "done">;
  /**
   * What tasks have left in the recipe's work folder is gone, though their stamps say that they are done: `node` waits until
   * they are done again. Absent where BitBake's rules decide.
   */
  redo?(node: TaskId, gone: readonly TaskId[]): Promise<void>;
  /**
   * Signatures of tasks that have not started are others than at the start: the plan is made again. Absent where that
   * cannot happen.
   *
   * @param isSettled of a task that is done or running: what was decided on it stays
   */
  renew?(isSettled: (node: TaskId) => boolean): Promise<void>;
}

export interface PlannerInput {
  readonly order: readonly TaskId[];
  readonly targets: readonly TaskId[];
  needs(task: TaskId): readonly TaskId[];
  /** What is known of a task. */
  task(task: TaskId): PlannedTask;
  readonly stamps: Stamps;
  readonly store: Store;
  readonly setscene: SetsceneMode;
  /** BB_SETSCENE_ENFORCE: all that can be restored is, before a task that must not run stops everything. */
  readonly isEnforced: boolean;
  /** When stamps were last taken away: an older one of a task without a body counts only when looked at. */
  readonly changedMs: () => number;
  /** Some task is of a configuration with a name. */
  readonly isMulticonfig: boolean;
}

/** Which of `tasks` have their artifact in the store; one question for all. */
export async function findStored(input: PlannerInput, tasks: readonly TaskId[]): Promise<Set<TaskId>> {
  const names = new Map(
    tasks.map((task) => {
      const { recipe, name, signature } = input.task(task);
      return [objectName(recipe, name, signature.unihash), task];
    }),
  );
  if (names.size === 0) return new Set();
  return new Set([...(await input.store.find([...names.keys()]))].map((name) => names.get(name)!));
}

/** From the targets down, see plan.ts: the rules for tasks whose artifact the engine itself keeps. */
export class DemandPlanner implements Planner {
  readonly plan: Plan = new Map();
  readonly #input: PlannerInput;
  readonly #facts: PlanFacts;
  readonly #deferred: DeferredTasks | undefined;
  #stored: Set<TaskId> = new Set();
  #changedMs: number | undefined;
  /** Tasks without a body that were looked at with all below them. */
  readonly verified = new Set<TaskId>();
  /** Of tasks without a body: what they stand for is current too. Forgotten when a plan is made. */
  readonly #wholes = new Map<TaskId, boolean>();
  /** Tasks whose folders are gone, and who waits for them beside those that need them. */
  readonly #gone = new Set<TaskId>();
  readonly #waiting = new Map<TaskId, readonly TaskId[]>();

  constructor(input: PlannerInput) {
    this.#input = input;
    this.#facts = {
      needs: (task) => input.needs(task),
      isCurrent: (task) => this.#isCurrent(task),
      isStored: (task) => this.#deferred?.find(task) !== undefined || this.#stored.has(task),
    };
    if (input.isMulticonfig) this.#deferred = new DeferredTasks((task) => this.#deferKeys(task));
  }

  async prepare(): Promise<void> {
    const { targets, setscene } = this.#input;
    this.#wholes.clear();
    if (setscene === "on" || setscene === "only") {
      const candidates = restoreCandidates(targets, this.#facts, (task) => this.#hasArtifact(task));
      this.#stored = await findStored(this.#input, candidates);
    }
    this.#demand(this.#facts);
  }

  /** Deferred tasks that would wait in a circle do not wait: one of them is done after the other by the queue. */
  #demand(facts: PlanFacts): void {
    for (;;) {
      demand(this.plan, this.#input.targets, facts);
      const circle = this.#deferred && findCircle([...this.plan.keys()], (node) => this.waits(node));
      const waiting = circle?.filter((node) => this.#deferred!.of(node) && this.plan.get(node) === "restore");
      if (!waiting || waiting.length === 0) return;
      for (const node of waiting) this.#deferred!.free(node);
      this.plan.clear();
    }
  }

  todo(): TaskId[] {
    return this.#input.order.filter((task) => {
      const decision = this.plan.get(task);
      return decision !== undefined && decision !== "current";
    });
  }

  waits(node: TaskId): readonly TaskId[] {
    const first = this.#deferred?.of(node);
    const isRun = this.plan.get(node) === "run";
    // A body waits for its needs, a restore for the task that makes the artifact.
    const before = isRun ? this.#input.needs(node) : first === undefined ? [] : [first];
    const more = this.#waiting.get(node);
    return (more ? [...new Set([...before, ...more])] : before).filter(
      (need) => this.plan.get(need) !== "current",
    );
  }

  taskOf(node: TaskId): TaskId {
    return node;
  }

  checkDeferred(node: TaskId): Promise<"done" | "missing" | undefined> {
    if (this.#deferred?.of(node) === undefined) return Promise.resolve(undefined);
    this.#wholes.clear();
    if (this.#isCurrent(node)) return Promise.resolve("done");
    // Without an artifact there is nothing to take over: the first one's restore went wrong, or its stamp is gone.
    return Promise.resolve(this.#input.task(node).info.artifact ? undefined : "missing");
  }

  async redo(node: TaskId, gone: readonly TaskId[]): Promise<void> {
    const isRestoring = this.#input.setscene === "on" || this.#input.setscene === "only";
    if (isRestoring) {
      const stored = await findStored(
        this.#input,
        gone.filter((task) => this.#hasArtifact(task)),
      );
      for (const task of stored) this.#stored.add(task);
    }
    for (const task of gone) {
      // Another one waits for it already.
      if (this.#gone.has(task)) continue;
      this.#gone.add(task);
      this.plan.delete(task);
    }
    this.#wholes.clear();
    this.#waiting.set(node, [...(this.#waiting.get(node) ?? []), ...gone]);
    demand(this.plan, gone, this.#facts);
  }

  async renew(isSettled: (node: TaskId) => boolean): Promise<void> {
    const { targets, setscene } = this.#input;
    this.#wholes.clear();
    const facts: PlanFacts = {
      ...this.#facts,
      isCurrent: (task) => isSettled(task) || this.#isCurrent(task),
    };
    if (setscene === "on" || setscene === "only") {
      const candidates = restoreCandidates(targets, facts, (task) => this.#hasArtifact(task));
      this.#stored = await findStored(this.#input, candidates);
    }
    const before = [...this.plan];
    this.plan.clear();
    this.#demand(facts);
    const gone = [...this.#gone].filter((task) => !isSettled(task));
    demand(this.plan, gone, facts);
    for (const [task, decision] of before) if (isSettled(task)) this.plan.set(task, decision);
  }

  runInstead(node: TaskId): Promise<"again"> {
    this.#stored.delete(node);
    runInstead(this.plan, node, this.#facts);
    return Promise.resolve("again");
  }

  #isCurrent(id: TaskId): boolean {
    if (!this.#input.task(id).info.noexec) return this.#isStamped(id);
    if (!this.#wholes.has(id) && this.#isFresh(id)) return true;
    // What it needs first, on a list: such tasks can stand in a row as long as the graph is deep.
    const path = [id];
    for (let at = path.at(-1); at !== undefined; at = path.at(-1)) {
      const needs = this.#input.needs(at);
      const open =
        this.#wholes.has(at) || !this.#isStamped(at) ? [] : needs.filter((need) => this.#isOpen(need));
      if (open.length > 0) path.push(...open);
      else {
        path.pop();
        if (this.#wholes.has(at)) continue;
        this.#wholes.set(
          at,
          this.#isStamped(at) && needs.every((need) => this.#wholes.get(need) ?? this.#isStamped(need)),
        );
      }
    }
    const isWhole = this.#wholes.get(id)!;
    if (isWhole) this.verified.add(id);
    return isWhole;
  }

  /** Nothing was taken away since it was stamped; what it stands for is looked at, and nothing below that. */
  #isFresh(id: TaskId): boolean {
    const { info, recipe, name, signature } = this.#input.task(id);
    if (info.nostamp || this.#gone.size > 0) return false;
    const time = this.#input.stamps.timeMs(recipe, name, signature.unihash);
    if (time === undefined || time < (this.#changedMs ??= this.#input.changedMs())) return false;
    return this.#input.needs(id).every((need) => this.#isStamped(need));
  }

  #isOpen(id: TaskId): boolean {
    return this.#input.task(id).info.noexec === true && !this.#wholes.has(id);
  }

  #isStamped(id: TaskId): boolean {
    const { info, recipe, name, signature } = this.#input.task(id);
    if (info.nostamp || this.#gone.has(id)) return false;
    const state = this.#input.stamps.state(recipe, name, signature.unihash);
    return state === "real" || (state === "setscene" && this.#input.setscene !== "off");
  }

  #deferKeys(id: TaskId): string[] {
    const { info, recipe, name, signature } = this.#input.task(id);
    if (info.nostamp) return [];
    const { spec, unihash } = objectName(recipe, name, signature.unihash);
    const stamp = `${recipe.stamp}.${name}.${signature.unihash}`;
    return this.#hasArtifact(id) ? [stamp, `${spec} ${name} ${unihash}`] : [stamp];
  }

  #hasArtifact(id: TaskId): boolean {
    const { info } = this.#input.task(id);
    return info.artifact !== undefined && !info.nostamp && !info.noexec;
  }
}
