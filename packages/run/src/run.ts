/** A run of the queue, from the plan to the summary. */
import type { TaskId } from "@tsbake/graph";
import { objectName } from "./artifact.js";
import { openDurations } from "./durations.js";
import type { Durations } from "./durations.js";
import type { RunEvent, RunSummary, TaskFailure, TaskName } from "./events.js";
import { openIsolation } from "./isolation.js";
import { LockFiles } from "./locks.js";
import type { RunOptions } from "./options.js";
import { demand, restoreCandidates, runInstead } from "./plan.js";
import type { Plan, PlanFacts } from "./plan.js";
import { estimate, pathsAhead } from "./priority.js";
import type { PriorityInput } from "./priority.js";
import { tainted } from "./problems.js";
import { Processes } from "./processes.js";
import { Queue } from "./queue.js";
import { Twins } from "./twins.js";
import { Worker } from "./work.js";
import type { PlannedTask } from "./work.js";

const slowestShown = 10;
const defaultGraceMs = 5000;

/**
 * Plans (setscene first), then restores and executes what is needed, by priority, as many at a time as the settings
 * allow. Failures of tasks are in the summary and in events.
 *
 * @throws BuildError and system errors of what stops everything: a stamp or cache folder that cannot be written
 */
export async function runTasks(options: RunOptions): Promise<RunSummary> {
  const began = performance.now();
  const durations = await openDurations(options.settings.cache);
  const run = new Run(options, durations, began);
  await run.plan();
  const todo = run.todo();
  if (todo.length > 0) await (options.dryRun ? run.rehearse() : run.execute());
  return run.finish();
}

class Run {
  readonly #options: RunOptions;
  readonly #durations: Durations;
  readonly #began: number;
  readonly #plan: Plan = new Map();
  readonly #facts: PlanFacts;
  readonly #stored = new Set<TaskId>();
  readonly #tasks = new Map<TaskId, PlannedTask>();
  readonly #done = new Set<TaskId>();
  readonly #failed: TaskFailure[] = [];
  readonly #times: (TaskName & { readonly elapsedMs: number })[] = [];
  #ahead: ReadonlyMap<TaskId, number> = new Map();
  /** Only a build of several configurations has some. */
  readonly #twins: Twins | undefined;
  #queue: Queue | undefined;
  #worker: Worker | undefined;
  #number = 0;
  #of = 0;
  #ran = 0;
  #restored = 0;
  #warnings = 0;
  #errorMessages = 0;
  #stopping = false;
  #interrupted = false;
  /** An error of our own code: told after everything has come to rest. */
  #fault: { readonly error: unknown } | undefined;

  constructor(options: RunOptions, durations: Durations, began: number) {
    this.#options = options;
    this.#durations = durations;
    this.#began = began;
    this.#facts = {
      needs: (task) => this.#needsOf(task),
      isCurrent: (task) => this.#isCurrent(task),
      isStored: (task) => this.#twins?.find(task) !== undefined || this.#stored.has(task),
    };
    const isConfigured = options.graph.order.some((task) => options.graph.label(task).startsWith("mc:"));
    if (isConfigured) this.#twins = new Twins((task) => this.#twinKeys(task));
  }

  async plan(): Promise<void> {
    const { graph, store, setscene } = this.#options;
    if (setscene === "on" || setscene === "only") {
      const candidates = restoreCandidates(graph.targets, this.#facts, (task) => this.#hasArtifact(task));
      const names = new Map(candidates.map((task) => [this.#objectName(task), task]));
      if (names.size > 0) {
        for (const name of await store.find([...names.keys()])) this.#stored.add(names.get(name)!);
      }
    }
    demand(this.#plan, graph.targets, this.#facts);
    this.#tellPlan();
  }

  /** Planned tasks that are not done yet, needed ones first. */
  todo(): TaskId[] {
    return this.#options.graph.order.filter((task) => {
      const decision = this.#plan.get(task);
      return decision !== undefined && decision !== "current";
    });
  }

  /** A dry run: everything that would happen, told in an order in which it could. */
  rehearse(): void {
    for (const task of this.todo()) {
      if (this.#options.stop?.aborted) {
        this.#interrupted = true;
        return;
      }
      if (this.#isLeftOut(task)) continue;
      const planned = this.#task(task);
      this.#done.add(task);
      if (planned.info.noexec && this.#plan.get(task) === "run") this.#skip(planned, "noexec", 0);
      else {
        this.#start(planned);
        if (this.#plan.get(task) === "restore") this.#endRestore(planned, 0);
        else this.#endRun(planned, 0);
      }
    }
  }

  async execute(): Promise<void> {
    const { settings, runPython, openPython } = this.#options;
    const { default: PQueue } = await import("p-queue");
    const processes = new Processes(settings.graceMs ?? defaultGraceMs);
    this.#worker = new Worker(
      this.#options,
      {
        processes,
        locks: new LockFiles(),
        isolation: openIsolation(),
        runPython,
        openPython,
        verbose: settings.verbose,
        onEvent: (event) => this.#emit(event),
      },
      (event) => this.#emit(event),
    );
    const queue = new Queue(this.#queueInput(), new PQueue({ concurrency: Math.max(1, settings.threads) }));
    this.#queue = queue;
    const onStop = () => this.#stop("interrupted", false);
    const onKill = () => {
      this.#stop("interrupted", true);
      processes.kill();
    };
    this.#options.stop?.addEventListener("abort", onStop);
    this.#options.kill?.addEventListener("abort", onKill);
    try {
      const todo = this.todo();
      queue.add(todo);
      this.#setPriorities(todo);
      if (this.#options.kill?.aborted) onKill();
      else if (this.#options.stop?.aborted) onStop();
      queue.release(todo);
      await queue.settled();
      await this.#worker.close();
    } finally {
      this.#options.stop?.removeEventListener("abort", onStop);
      this.#options.kill?.removeEventListener("abort", onKill);
      processes.close();
    }
    if (this.#fault) throw this.#fault.error;
    await this.#durations.save();
  }

  finish(): RunSummary {
    const notStarted = this.todo().filter(
      (task) => !this.#done.has(task) && !this.#failed.some((failure) => failure.task === task),
    );
    const total = this.#options.graph.order.length;
    const noexec = this.#done.size - this.#ran - this.#restored;
    const left = this.#options.setscene === "only" ? 0 : notStarted.length;
    const summary: RunSummary = {
      total,
      ran: this.#ran,
      restored: this.#restored,
      current: [...this.#plan.values()].filter((decision) => decision === "current").length,
      covered: total - this.#plan.size,
      noexec,
      failed: this.#failed,
      notStarted,
      interrupted: this.#interrupted,
      errorMessages: this.#errorMessages,
      warnings: this.#warnings,
      slowest: this.#times.toSorted((left, right) => right.elapsedMs - left.elapsedMs).slice(0, slowestShown),
      elapsedMs: performance.now() - this.#began,
      ok: this.#failed.length === 0 && left === 0 && this.#errorMessages === 0 && !this.#interrupted,
    };
    this.#emit({ type: "finished", summary });
    return summary;
  }

  #queueInput() {
    return {
      plan: this.#plan,
      waitsFor: (task: TaskId) => this.#waitsFor(task),
      priority: (task: TaskId) => this.#ahead.get(task) ?? 0,
      work: (task: TaskId) => this.#work(task),
      instantly: (task: TaskId) => this.#instantly(task),
      limit: (task: TaskId) => {
        const { task: group } = this.#options.graph.node(task);
        const most = this.#options.settings.taskThreads?.get(group);
        return most === undefined || this.#plan.get(task) !== "run" ? undefined : { group, most };
      },
    };
  }

  #instantly(id: TaskId): "done" | undefined {
    const task = this.#task(id);
    if (!task.info.noexec || this.#plan.get(id) !== "run" || this.#isLeftOut(id)) return undefined;
    try {
      this.#worker!.stamp(task);
    } catch (error) {
      this.#stopForFault(error);
      return undefined;
    }
    this.#done.add(id);
    this.#skip(task, "noexec", 0);
    return "done";
  }

  async #work(id: TaskId): Promise<"done" | "failed" | "again"> {
    if (this.#stopping || this.#isLeftOut(id)) return "failed";
    const task = this.#task(id);
    const began = performance.now();
    this.#start(task);
    try {
      if (this.#plan.get(id) === "restore") {
        const end = await this.#restore(task);
        if (end === "missing") return this.#runInstead(id);
        if (end !== "done") return this.#fail(end, performance.now() - began);
        this.#done.add(id);
        this.#durations.record(this.#durationName(id), performance.now() - began);
        this.#endRestore(task, performance.now() - began);
      } else {
        const failure = await this.#worker!.run(task);
        const elapsedMs = performance.now() - began;
        if (failure) return this.#fail(failure, elapsedMs);
        this.#done.add(id);
        this.#durations.record(this.#durationName(id), elapsedMs);
        this.#times.push({ task: id, label: task.label, elapsedMs });
        this.#endRun(task, elapsedMs);
      }
      return "done";
    } catch (error) {
      this.#stopForFault(error);
      return "failed";
    }
  }

  /** What a twin has just done in the same folder needs no doing. */
  async #restore(task: PlannedTask): Promise<"done" | "missing" | TaskFailure> {
    const twin = this.#twins?.of(task.task);
    if (twin === undefined) return this.#worker!.restore(task);
    if (this.#isCurrent(task.task)) return "done";
    // Without an artifact there is nothing to take over: the twin's restore went wrong, or its stamp is gone.
    return task.info.artifact ? this.#worker!.restore(task) : "missing";
  }

  #runInstead(id: TaskId): "again" {
    this.#stored.delete(id);
    const added = runInstead(this.#plan, id, this.#facts).filter(
      (task) => this.#plan.get(task) !== "current",
    );
    const queue = this.#queue!;
    queue.add(added);
    queue.waitAgain(id);
    this.#setPriorities(this.todo());
    // The restore that went wrong has used a number of its own.
    this.#of += 1 + added.filter((task) => !this.#isInstant(task)).length;
    queue.release(added);
    return "again";
  }

  #fail(failure: TaskFailure, elapsedMs: number): "failed" {
    this.#failed.push(failure);
    const { task, label } = failure;
    this.#emit({ type: "task-failed", task, label, elapsedMs, failure });
    if (!this.#options.keepGoing) this.#stop("failure", false);
    return "failed";
  }

  #stop(reason: "interrupted" | "failure", killing: boolean): void {
    if (reason === "interrupted") this.#interrupted = true;
    const first = !this.#stopping;
    this.#stopping = true;
    this.#queue?.stop();
    const running = [...(this.#queue?.running ?? [])].map((task) => this.#options.graph.label(task));
    // A failure with nothing beside it needs no words.
    if (reason === "failure" && (!first || running.length <= 1)) return;
    this.#emit({ type: "stopping", reason, killing, running });
  }

  #stopForFault(error: unknown): void {
    this.#fault ??= { error };
    this.#stopping = true;
    this.#queue?.stop();
  }

  #start(task: PlannedTask): void {
    const how = this.#plan.get(task.task) === "restore" ? "restore" : "run";
    const expectedMs = this.#expectedMs(task.task);
    this.#number++;
    this.#emit({
      type: "task-started",
      task: task.task,
      label: task.label,
      how,
      number: this.#number,
      of: Math.max(this.#of, this.#number),
      ...(expectedMs !== undefined && { expectedMs }),
    });
  }

  #endRun({ task, label }: PlannedTask, elapsedMs: number): void {
    this.#ran++;
    this.#emit({ type: "task-finished", task, label, elapsedMs });
  }

  #endRestore(task: PlannedTask, elapsedMs: number): void {
    this.#restored++;
    this.#skip(task, "restored", elapsedMs);
  }

  #skip({ task, label }: TaskName, reason: "restored" | "noexec", elapsedMs: number): void {
    this.#emit({ type: "task-skipped", task, label, reason, elapsedMs });
  }

  #emit(event: RunEvent): void {
    if (event.type === "warning" || event.type === "restore-failed") this.#warnings++;
    if (event.type === "task-message" && event.level === "warning") this.#warnings++;
    if (event.type === "task-message" && event.level === "error") this.#errorMessages++;
    this.#options.onEvent(event);
  }

  #tellPlan(): void {
    const { graph, settings } = this.#options;
    const counts = { current: 0, noexec: 0, toRestore: 0, toRun: 0 };
    for (const [task, decision] of this.#plan) {
      if (decision === "current") counts.current++;
      else if (decision === "restore") counts.toRestore++;
      else if (this.#isInstant(task)) counts.noexec++;
      else counts.toRun++;
    }
    this.#of = counts.toRestore + counts.toRun;
    const input = this.#priorityInput(this.todo());
    const estimateMs = estimate(input, pathsAhead(input), settings.threads);
    const total = graph.order.length;
    const covered = total - this.#plan.size;
    this.#emit({ type: "plan", total, covered, ...counts, ...(estimateMs !== undefined && { estimateMs }) });
    for (const task of graph.order) {
      const decision = this.#plan.get(task);
      const label = graph.label(task);
      if (decision === "run" && this.#signatureTainted(task)) {
        this.#emit({ type: "warning", diagnostic: tainted(label) });
      }
      if (decision !== undefined && decision !== "current") continue;
      const reason = decision === "current" ? "current" : "covered";
      this.#emit({ type: "task-skipped", task, label, reason, elapsedMs: 0 });
    }
  }

  #setPriorities(todo: readonly TaskId[]): void {
    this.#ahead = pathsAhead(this.#priorityInput(todo));
  }

  #priorityInput(order: readonly TaskId[]): PriorityInput {
    const dependents = new Map<TaskId, TaskId[]>();
    for (const task of order) {
      if (this.#plan.get(task) !== "run") continue;
      for (const need of this.#needsOf(task)) {
        const list = dependents.get(need);
        if (list) list.push(task);
        else dependents.set(need, [task]);
      }
    }
    return {
      order,
      dependents: (task) => dependents.get(task) ?? [],
      expectedMs: (task) => this.#expectedMs(task),
    };
  }

  #expectedMs(task: TaskId): number | undefined {
    return this.#isInstant(task) ? 0 : this.#durations.of(this.#durationName(task));
  }

  /** Restoring a task takes another time than running it. */
  #durationName(task: TaskId): string {
    const label = this.#options.graph.label(task);
    return this.#plan.get(task) === "restore" ? `${label} (restore)` : label;
  }

  /** --setscene-only: bodies are not executed. */
  #isLeftOut(task: TaskId): boolean {
    return this.#options.setscene === "only" && this.#plan.get(task) === "run";
  }

  #isInstant(task: TaskId): boolean {
    return this.#plan.get(task) === "run" && this.#task(task).info.noexec === true;
  }

  #isCurrent(id: TaskId): boolean {
    const { info, recipe, name, signature } = this.#task(id);
    if (info.nostamp) return false;
    const state = this.#options.stamps.state(recipe, name, signature.unihash);
    return state === "real" || (state === "setscene" && this.#options.setscene !== "off");
  }

  #hasArtifact(id: TaskId): boolean {
    const { info } = this.#task(id);
    return info.artifact !== undefined && !info.nostamp && !info.noexec;
  }

  #objectName(id: TaskId) {
    const { recipe, name, signature } = this.#task(id);
    return objectName(recipe, name, signature.unihash);
  }

  #signatureTainted(id: TaskId): boolean {
    const { info, signature } = this.#task(id);
    return signature.taint !== undefined && !info.nostamp;
  }

  #task(id: TaskId): PlannedTask {
    let task = this.#tasks.get(id);
    if (!task) {
      task = this.#describe(id);
      this.#tasks.set(id, task);
    }
    return task;
  }

  #describe(id: TaskId): PlannedTask {
    const { graph, project, signatures } = this.#options;
    const node = graph.node(id);
    const recipe = project.recipes.get(node.recipe);
    const info = recipe?.tasks[node.task];
    if (!recipe || !info) throw new Error(`internal: the graph has a task that no recipe has: ${id}`);
    return { task: id, label: graph.label(id), name: node.task, recipe, info, signature: signatures.of(id) };
  }

  /** What has to be done before: a body waits for its needs, a restore for the twin that makes the artifact. */
  #waitsFor(task: TaskId): readonly TaskId[] {
    if (this.#plan.get(task) === "run") return this.#needsOf(task);
    const twin = this.#twins?.of(task);
    return twin === undefined ? [] : [twin];
  }

  #twinKeys(id: TaskId): string[] {
    const { info, recipe, name, signature } = this.#task(id);
    if (info.nostamp) return [];
    const { spec, unihash } = this.#objectName(id);
    const stamp = `${recipe.stamp}.${name}.${signature.unihash}`;
    return this.#hasArtifact(id) ? [stamp, `${spec} ${name} ${unihash}`] : [stamp];
  }

  #needsOf(task: TaskId): readonly TaskId[] {
    return this.#options.graph.needs(task);
  }
}
