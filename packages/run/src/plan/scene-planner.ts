/**
 * The plan of a build whose metadata has setscene tasks of its own (`do_x_setscene`): scene.ts decides, and here that
 * becomes nodes of the queue.
 *
 * Restoring is a node of its own, beside that of the task: it can start at once, while the task counts as done only when
 * everything below it is, since who needs the task may look for what the task needed. And since a restore can fail and
 * make others run, no task counts as covered before the restores above it have ended well:
 *
 *     do_build ─waits─▶ do_package ─waits─▶ do_install (covered)
 *                          │ waits              │ waits
 *                          ▼                    ▼
 *                 restore of do_package ◀── "restore" of do_install (nothing to do but to wait)
 */
import type { TaskId } from "@tsbake/graph";
import { Currency } from "./currency.js";
import type { StampTimes } from "./currency.js";
import type { SceneOptions } from "../options.js";
import type { Plan } from "./plan.js";
import { findStored } from "./planner.js";
import type { Planner, PlannerInput } from "./planner.js";
import { withPython } from "../body/python-needed.js";
import { decideScene } from "./scene.js";
import { findCircle, DeferredTasks } from "./deferred.js";
import type { SceneFacts } from "./scene.js";

/** No task's name ends so. */
const RESTORE = " (restore)";

type State = ReturnType<SceneFacts["state"]>;

export class ScenePlanner implements Planner {
  readonly plan: Plan = new Map();
  readonly #input: PlannerInput;
  readonly #scene: SceneOptions;
  readonly #openPython: (() => Promise<void>) | undefined;
  readonly #currency: Currency;
  readonly #states = new Map<TaskId, State>();
  readonly #times = new Map<TaskId, StampTimes>();
  /** The unihash that was asked about, by setscene task. */
  readonly #asked = new Map<TaskId, string>();
  /** What has run before the plan was made anew. */
  readonly #ran = new Set<TaskId>();
  readonly #dependents = new Map<TaskId, TaskId[]>();
  /** Of one recipe and hash in several configurations: one is done, and then the others are asked for again. */
  readonly #deferred: DeferredTasks | undefined;
  /** What deferred tasks would be if they did not wait. */
  readonly #alone = new Map<TaskId, State>();
  /** Setscene tasks that have nothing to execute and no stamp yet. */
  readonly empty: TaskId[] = [];

  constructor(input: PlannerInput, scene: SceneOptions, openPython: (() => Promise<void>) | undefined) {
    this.#input = input;
    this.#scene = scene;
    this.#openPython = openPython;
    this.#currency = new Currency({
      needs: (task) => input.needs(task),
      times: (task) => this.#timesOf(task),
      hasNoStamp: (task) => input.task(task).info.nostamp === true,
    });
    if (input.isMulticonfig) {
      this.#deferred = new DeferredTasks((task) => {
        const { recipe, name, signature } = input.task(task);
        return [`${recipe.pn} ${name} ${signature.unihash}`];
      });
    }
    for (const task of input.order) {
      for (const need of input.needs(task)) {
        const list = this.#dependents.get(need);
        if (list) list.push(task);
        else this.#dependents.set(need, [task]);
      }
    }
  }

  async prepare(): Promise<void> {
    await this.#ask(this.#input.order.filter((task) => this.#hasSetscene(task) && !this.#isDone(task)));
    await this.#decide();
  }

  /** What is settled stays; for the others, stamps and answers count for the signatures that they were asked about. */
  async renew(isSettled: (node: TaskId) => boolean): Promise<void> {
    this.#currency.forget();
    this.#times.clear();
    for (const [node, decision] of this.plan) if (decision === "run" && isSettled(node)) this.#ran.add(node);
    const open = [...this.#asked].filter(
      ([task, unihash]) =>
        !isSettled(task) &&
        !isSettled(restoreOf(task)) &&
        unihash !== this.#input.task(task).signature.unihash,
    );
    await this.#ask(open.map(([task]) => task).filter((task) => !this.#isDone(task)));
    await this.#decide();
  }

  /** Which of these can be restored. */
  async #ask(open: readonly TaskId[]): Promise<void> {
    const isAsking = this.#input.setscene === "on" || this.#input.setscene === "only";
    const candidates = isAsking ? open.filter((task) => !this.#scene.forced.has(task)) : [];
    const own = candidates.filter((task) => !this.#hasArtifact(task));
    const current = [...this.#states.values()].filter((state) => state === "done").length;
    const found = own.length > 0 ? await this.#scene.find(own, current) : new Set<TaskId>();
    const stored = await findStored(
      this.#input,
      candidates.filter((task) => this.#hasArtifact(task)),
    );
    for (const task of open) this.#asked.set(task, this.#input.task(task).signature.unihash);
    const asked = new Set(candidates);
    // That of the default configuration is first.
    const isLater = (task: TaskId) => this.#input.task(task).label.startsWith("mc:");
    for (const task of [...open.filter((one) => !isLater(one)), ...open.filter(isLater)]) {
      const isDeferred = this.#deferred?.find(task) !== undefined && asked.has(task);
      const isFound = found.has(task) || stored.has(task);
      if (isDeferred) this.#alone.set(task, isFound ? "found" : "missing");
      this.#states.set(task, isDeferred || isFound ? "found" : "missing");
    }
  }

  todo(): TaskId[] {
    const nodes = [...this.plan.keys()];
    return nodes.some((node) => ["run", "restore"].includes(this.plan.get(node)!)) ? nodes : [];
  }

  waits(node: TaskId): readonly TaskId[] {
    const task = this.taskOf(node);
    if (node === task) {
      const restore = restoreOf(task);
      const needs = this.#input.needs(task);
      if (this.plan.get(task) === "run" && this.#input.isEnforced) return [...needs, ...this.#restores()];
      return this.plan.has(restore) ? [...needs, restore] : needs;
    }
    const first = this.#deferred?.of(task);
    const before =
      this.plan.get(node) === "restore" ? this.#scene.hardNeeds(task) : (this.#dependents.get(task) ?? []);
    const restores = before.map(restoreOf).filter((other) => this.plan.has(other));
    return first !== undefined && this.plan.get(node) === "restore" ? [first, ...restores] : restores;
  }

  async checkDeferred(node: TaskId): Promise<"done" | "missing" | undefined> {
    const task = this.taskOf(node);
    if (this.#deferred?.of(task) === undefined) return undefined;
    const { recipe, name, signature } = this.#input.task(task);
    // In the same folder there is nothing left to do.
    if (this.#input.stamps.state(recipe, name, signature.unihash) !== undefined) return "done";
    const found = this.#hasArtifact(task)
      ? await findStored(this.#input, [task])
      : await this.#scene.find([task], 0);
    return found.has(task) ? undefined : "missing";
  }

  taskOf(node: TaskId): TaskId {
    return node.endsWith(RESTORE) ? (node.slice(0, -RESTORE.length) as TaskId) : node;
  }

  #restores(): TaskId[] {
    return [...this.plan.keys()].filter((node) => this.plan.get(node) === "restore");
  }

  async runInstead(node: TaskId): Promise<"done"> {
    this.#states.set(this.taskOf(node), "missing");
    await this.#decide();
    return "done";
  }

  async #decide(): Promise<void> {
    await this.#decideOnce();
    if (!this.#deferred) return;
    for (;;) {
      const circle = findCircle([...this.plan.keys()], (node) => this.waits(node));
      const waiting = circle?.map((node) => this.taskOf(node)).filter((task) => this.#deferred!.of(task));
      if (!waiting || waiting.length === 0) return;
      for (const task of waiting) {
        this.#deferred.free(task);
        if (this.#states.get(task) === "found") this.#states.set(task, this.#alone.get(task) ?? "missing");
      }
      await this.#decideOnce();
    }
  }

  async #decideOnce(): Promise<void> {
    const { order, targets } = this.#input;
    const scene = await withPython(this.#openPython, () =>
      decideScene({
        order,
        targets: new Set(targets),
        needs: (task) => this.#input.needs(task),
        hasSetscene: (task) => this.#hasSetscene(task),
        hardNeeds: (task) => this.#scene.hardNeeds(task),
        state: (task) => this.#states.get(task)!,
        isNotNeeded: (task, above, notNeeded) => this.#scene.isNotNeeded(task, above, notNeeded),
      }),
    );
    this.plan.clear();
    for (const task of order.toReversed()) {
      if (scene.run.has(task) || this.#states.get(task) === "done") continue;
      this.plan.set(restoreOf(task), scene.restore.has(task) ? "restore" : "covered");
    }
    for (const task of order) {
      const isDone = scene.run.has(task) ? this.#isCurrent(task) : this.#states.get(task) === "done";
      const isRun = scene.run.has(task) && !isDone;
      this.plan.set(task, this.#ran.has(task) || isRun ? "run" : isDone ? "current" : "covered");
    }
  }

  /** Needed tasks have been decided on. */
  #isCurrent(task: TaskId): boolean {
    return this.#currency.isCurrent(task, (need) => this.plan.get(need) === "run");
  }

  /** Setscene tasks that are done before anything is asked; remembered. */
  #isDone(task: TaskId): boolean {
    const { setscene } = this.#timesOf(task);
    const isEmpty = this.#input.task(task).info.noexec === true;
    if (isEmpty && setscene === undefined) this.empty.push(task);
    const isDone = isEmpty || setscene !== undefined || this.#currency.isCurrentToTheGround(task);
    if (isDone) this.#states.set(task, "done");
    return isDone;
  }

  #hasSetscene(task: TaskId): boolean {
    const { recipe, name } = this.#input.task(task);
    return Object.hasOwn(recipe.tasks, `${name}_setscene`) || this.#hasArtifact(task);
  }

  #hasArtifact(task: TaskId): boolean {
    const { info } = this.#input.task(task);
    return info.artifact !== undefined && !info.nostamp;
  }

  #timesOf(task: TaskId): StampTimes {
    let times = this.#times.get(task);
    if (!times) {
      const { recipe, name, signature } = this.#input.task(task);
      times = this.#input.stamps.times(recipe, name, signature.unihash);
      this.#times.set(task, times);
    }
    return times;
  }
}

function restoreOf(task: TaskId): TaskId {
  return `${task}${RESTORE}` as TaskId;
}
