/** Who decides what has to be done, and what it waits for. Two rules: {@link DemandPlanner}, and ScenePlanner. */
import type { TaskId } from "@tsbake/graph";
import type { Store } from "@tsbake/sstate";
import { objectName } from "../outputs/artifact.js";
import type { SetsceneMode } from "../options.js";
import { demand, restoreCandidates, runInstead } from "./plan.js";
import type { Plan, PlanFacts } from "./plan.js";
import type { Stamps } from "../outputs/stamps.js";
import { findCircle, Twins } from "./twins.js";
import type { PlannedTask } from "../work.js";

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
   * Called before a restore starts, for one that waited for a twin (see twins.ts).
   *
   * @returns how it ends without a restore; undefined when there is one to be done
   */
  checkTwin(node: TaskId): Promise<"done" | "missing" | undefined>;
  /**
   * A restore went wrong: the plan is changed so that the task runs.
   *
   * @returns what that means for the node itself
   */
  runInstead(node: TaskId): Promise<"again" | "done">;
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
  readonly #twins: Twins | undefined;
  #stored: Set<TaskId> = new Set();

  constructor(input: PlannerInput) {
    this.#input = input;
    this.#facts = {
      needs: (task) => input.needs(task),
      isCurrent: (task) => this.#isCurrent(task),
      isStored: (task) => this.#twins?.find(task) !== undefined || this.#stored.has(task),
    };
    if (input.isMulticonfig) this.#twins = new Twins((task) => this.#twinKeys(task));
  }

  async prepare(): Promise<void> {
    const { targets, setscene } = this.#input;
    if (setscene === "on" || setscene === "only") {
      const candidates = restoreCandidates(targets, this.#facts, (task) => this.#hasArtifact(task));
      this.#stored = await findStored(this.#input, candidates);
    }
    this.#demand(this.#facts);
  }

  /** Twins that would wait in a circle do not wait: one of them is done after the other by the queue. */
  #demand(facts: PlanFacts): void {
    for (;;) {
      demand(this.plan, this.#input.targets, facts);
      const circle = this.#twins && findCircle([...this.plan.keys()], (node) => this.waits(node));
      const twins = circle?.filter((node) => this.#twins!.of(node) && this.plan.get(node) === "restore");
      if (!twins || twins.length === 0) return;
      for (const node of twins) this.#twins!.free(node);
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
    const twin = this.#twins?.of(node);
    const isRun = this.plan.get(node) === "run";
    // A body waits for its needs, a restore for the twin that makes the artifact.
    const before = isRun ? this.#input.needs(node) : twin === undefined ? [] : [twin];
    return before.filter((need) => this.plan.get(need) !== "current");
  }

  taskOf(node: TaskId): TaskId {
    return node;
  }

  checkTwin(node: TaskId): Promise<"done" | "missing" | undefined> {
    if (this.#twins?.of(node) === undefined) return Promise.resolve(undefined);
    if (this.#isCurrent(node)) return Promise.resolve("done");
    // Without an artifact there is nothing to take over: the twin's restore went wrong, or its stamp is gone.
    return Promise.resolve(this.#input.task(node).info.artifact ? undefined : "missing");
  }

  async renew(isSettled: (node: TaskId) => boolean): Promise<void> {
    const { targets, setscene } = this.#input;
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
    for (const [task, decision] of before) if (isSettled(task)) this.plan.set(task, decision);
  }

  runInstead(node: TaskId): Promise<"again"> {
    this.#stored.delete(node);
    runInstead(this.plan, node, this.#facts);
    return Promise.resolve("again");
  }

  #isCurrent(id: TaskId): boolean {
    const { info, recipe, name, signature } = this.#input.task(id);
    if (info.nostamp) return false;
    const state = this.#input.stamps.state(recipe, name, signature.unihash);
    return state === "real" || (state === "setscene" && this.#input.setscene !== "off");
  }

  #twinKeys(id: TaskId): string[] {
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
