/** A run of the queue, from the plan to the summary. */
import { diskProblem, isDiskProblem } from "@tsbake/base";
import type { TaskId } from "@tsbake/graph";
import { Board } from "./board.js";
import type { DoneHow, Limit } from "./board.js";
import { openDurations, type Durations } from "./plan/durations.js";
import type { RunEvent, RunSummary, TaskFailure, TaskName } from "./events.js";
import { demandCageFor, networkIsolation } from "./limits/isolation.js";
import { MachineLimits } from "./limits/machine-limits.js";
import type { RunOptions } from "./options.js";
import { DemandPlanner } from "./plan/planner.js";
import type { Planner } from "./plan/planner.js";
import { checkWorkFolders, promisedBelow, refresh } from "./plan/promises.js";
import type { ReadCheck } from "./reads/index.js";
import { estimate, pathsAhead, Priorities } from "./plan/priority.js";
import type { PriorityInput } from "./plan/priority.js";
import { mustNotRun, outputChanged, outputGone, tainted } from "./problems.js";
import { openNiceness } from "./limits/niceness.js";
import { Processes } from "./processes/processes.js";
import { openQueue } from "./queue.js";
import type { Queue } from "./queue.js";
import { SharedFolders } from "./outputs/shared-folders.js";
import { ScenePlanner } from "./plan/scene-planner.js";
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
  if (run.todo().length > 0) await (options.dryRun ? run.rehearse() : run.execute());
  return run.finish();
}

class Run {
  readonly #options: RunOptions;
  readonly #durations: Durations;
  readonly #began: number;
  readonly #planner: Planner;
  readonly #isMulticonfig: boolean;
  readonly #tasks = new Map<TaskId, PlannedTask>();
  readonly #board = new Board();
  /** Done again since what they had left was gone; once in a run. */
  readonly #redone = new Set<TaskId>();
  readonly #times: (TaskName & { readonly elapsedMs: number })[] = [];
  readonly #priorities: Priorities;
  /** Only a build of several configurations has some. */
  readonly #shared: SharedFolders;
  #queue: Queue | undefined;
  #worker: Worker | undefined;
  #limits: MachineLimits | undefined;
  /** Stamps that tasks of this run have left, where there are several configurations. */
  readonly #left = new Set<string>();
  #warnings = 0;
  #errorMessages = 0;
  #stopping = false;
  #interrupted = false;
  /** Signatures have changed since the plan was made. */
  #isOutdated = false;
  /** Plans being made anew, one after the other, and how many. */
  #renewal: Promise<void> = Promise.resolve();
  #renewals = 0;
  /** How often signatures have become others. */
  #signaturesChanged = 0;
  /** An error of our own code: told after everything has come to rest. */
  #fault: { readonly error: unknown } | undefined;

  constructor(options: RunOptions, durations: Durations, began: number) {
    this.#options = options;
    this.#durations = durations;
    this.#began = began;
    this.#shared = new SharedFolders(options);
    const { graph, stamps, store, setscene, scene, openPython } = options;
    this.#priorities = new Priorities(options.settings.scheduler ?? "speed", graph, (node) =>
      this.#isRestore(node),
    );
    this.#isMulticonfig = graph.order.some((task) => graph.label(task).startsWith("mc:"));
    const input = {
      order: graph.order,
      targets: graph.targets,
      needs: (task: TaskId) => graph.needs(task),
      task: (task: TaskId) => this.#task(task),
      stamps,
      store,
      setscene,
      changedMs: () => this.#shared.changedMs(),
      isMulticonfig: this.#isMulticonfig,
      isEnforced: options.mayRun !== undefined,
    };
    this.#planner =
      scene && setscene !== "off" ? new ScenePlanner(input, scene, openPython) : new DemandPlanner(input);
  }

  async plan(): Promise<void> {
    if (!this.#options.dryRun) {
      if (this.#options.isWhole) await this.#shared.prune();
      for (const { recipe, task, file } of this.#shared.doubtTargets())
        this.#emit({ type: "warning", diagnostic: outputChanged(`${recipe.pn}:${task}`, file) });
    }
    await this.#planner.prepare();
    if (this.#planner instanceof DemandPlanner) {
      const task = (id: TaskId) => this.#task(id);
      if (this.#isMulticonfig) checkWorkFolders(this.#planner.plan.keys(), task);
      if (!this.#options.dryRun) refresh(this.#planner.verified, { stamps: this.#options.stamps, task });
    }
    this.#tellPlan();
    if (!this.#options.dryRun) await demandCageFor(this.#planner, (id) => this.#task(id).info);
  }

  /** Nodes of the plan that are not done at its start, needed ones first. */
  todo(): TaskId[] {
    return this.#planner.todo();
  }

  /** A dry run: everything that would happen, told in an order in which it could. */
  rehearse(): void {
    const todo = this.todo();
    for (const task of todo)
      this.#board.move(task, { at: "waiting", open: 0, isNumbered: this.#takesANumber(task) });
    for (const task of todo) {
      if (this.#options.stop?.aborted) {
        this.#interrupted = true;
        return;
      }
      if (this.#isLeftOut(task) || this.#isDoneByWaiting(task)) continue;
      if (this.#isInstant(task)) this.#end(task, "noexec", 0);
      else {
        this.#board.move(task, { at: "running", isNumbered: true, holds: [] });
        this.#start(task);
        this.#end(task, this.#isRestore(task) ? "restored" : "ran", 0);
      }
    }
  }

  async execute(): Promise<void> {
    const { settings, runPython, openPython } = this.#options;
    const processes = new Processes(settings.graceMs ?? defaultGraceMs);
    this.#worker = new Worker(
      this.#options,
      {
        processes,
        isolation: networkIsolation((event) => this.#emit(event)),
        niceness: openNiceness(settings.nice, (event) => this.#emit(event)),
        runPython,
        openPython,
        verbose: settings.verbose,
        folders: settings.folders,
        terminal: settings.terminal,
        onEvent: (event) => this.#emit(event),
      },
      this.#shared,
      (event) => this.#emit(event),
      (tasks) => {
        for (const task of tasks) this.#tasks.delete(task);
        this.#isOutdated = true;
        this.#signaturesChanged++;
      },
      await this.#openReadCheck(),
    );
    const open = () =>
      this.todo().flatMap((id) => (this.#board.isSettled(id) ? [] : this.#planner.taskOf(id)));
    this.#worker.open(open);
    this.#stampEmpty();
    const queue = await openQueue(this.#queueInput(), this.#board, settings.threads);
    this.#queue = queue;
    const limits = new MachineLimits(settings, {
      gate: () => queue.gate(),
      stop: (killing) => {
        this.#stop("failure", killing);
        if (killing) processes.kill();
      },
      onEvent: (event) => this.#emit(event),
      onError: (error) => this.#stopForFault(error),
      onDisks: this.#options.onDisks,
    });
    this.#limits = limits;
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
      limits.open();
      queue.release(todo);
      await queue.settled();
      await this.#worker.close();
    } finally {
      limits.close();
      this.#options.stop?.removeEventListener("abort", onStop);
      this.#options.kill?.removeEventListener("abort", onKill);
      processes.close();
    }
    if (this.#fault) throw this.#fault.error;
    await this.#durations.save();
  }

  finish(): RunSummary {
    const failed = this.#board.failures;
    const ended = new Set([...this.#board.tasks("failed"), ...failed.map(({ task }) => task)]);
    const notStarted = this.todo().filter(
      (task) => !this.#board.isSettled(task) && !this.#isDoneByWaiting(task) && !ended.has(task),
    );
    const { total, current, covered } = this.#counts();
    const left = this.#options.setscene === "only" ? 0 : notStarted.length;
    const summary: RunSummary = {
      total,
      ran: this.#board.count("ran"),
      restored: this.#board.count("restored"),
      current: current + this.#board.count("current"),
      covered,
      noexec: this.#board.count("noexec"),
      failed,
      notStarted,
      interrupted: this.#interrupted,
      errorMessages: this.#errorMessages,
      warnings: this.#warnings,
      slowest: this.#times.toSorted((left, right) => right.elapsedMs - left.elapsedMs).slice(0, slowestShown),
      elapsedMs: performance.now() - this.#began,
      ok: failed.length === 0 && left === 0 && this.#errorMessages === 0 && !this.#interrupted,
    };
    this.#emit({ type: "finished", summary });
    return summary;
  }

  #queueInput() {
    return {
      waits: (task: TaskId) => this.#planner.waits(task),
      priority: (task: TaskId) => this.#priorities.of(task, this.#planner.taskOf(task)),
      work: (task: TaskId) => this.#work(task),
      instantly: (task: TaskId) => this.#instantly(task),
      mayStart: () => this.#limits?.mayStart() ?? true,
      limits: (node: TaskId) => this.#limitsOf(node),
      isNumbered: (node: TaskId) => this.#takesANumber(node),
    };
  }

  async #openReadCheck(): Promise<ReadCheck | undefined> {
    const { settings, graph, project } = this.#options;
    if (!settings.checkReads) return undefined;
    // Loaded when it is asked for.
    const { openReadCheck } = await import("./reads/index.js");
    return openReadCheck({ graph, recipes: project.recipes, tmpdir: settings.tmpdir });
  }

  #limitsOf(node: TaskId): Limit[] {
    const { name, recipe } = this.#task(node);
    const most = this.#isRestore(node) ? undefined : this.#options.settings.taskThreads?.get(name);
    const limits = most === undefined ? [] : [{ group: name, most }];
    // Whose a new file in the recipe's folder is can be told only of one at a time.
    if (this.#options.settings.checkReads) limits.push({ group: `${recipe.stamp} reads`, most: 1 });
    // Configurations that share a folder: what writes into it at the same time would spoil it.
    return this.#isMulticonfig ? [...limits, { group: `${recipe.stamp}.${name}`, most: 1 }] : limits;
  }

  #instantly(id: TaskId): void {
    if (this.#isDoneByWaiting(id)) return this.#board.move(id, { at: "done", how: "covered" });
    if (!this.#isInstant(id) || this.#isLeftOut(id)) return;
    const task = this.#task(id);
    try {
      if (!this.#options.mayRun) this.#worker!.stamp(task);
    } catch (error) {
      return this.#stopForTask(id, error);
    }
    this.#end(id, "noexec", 0);
  }

  async #work(id: TaskId): Promise<void> {
    if (this.#stopping || this.#isLeftOut(id)) return this.#board.move(id, { at: "left" });
    // A restore that another one's failure has made pointless.
    if (!this.#planner.plan.has(id) || this.#isDoneByWaiting(id))
      return this.#board.move(id, { at: "done", how: "covered" });
    const task = this.#task(id);
    if (this.#isDoneByTwin(task)) return this.#end(id, "current", 0);
    const began = performance.now();
    const mayRun = this.#isRestore(id) ? true : this.#options.mayRun?.(task.task);
    if (mayRun === false) {
      const diagnostics = [mustNotRun(task.label)];
      return this.#fail(id, { task: task.task, label: task.label, stopped: false, diagnostics }, 0);
    }
    try {
      if (await this.#redoGone(id, task)) return;
      this.#start(id);
      if (this.#isRestore(id)) {
        const before = this.#signaturesChanged;
        const end = await this.#restore(id);
        if (end === "missing") return await this.#runInstead(id);
        const elapsedMs = performance.now() - began;
        if (end !== "done") return this.#fail(id, end, elapsedMs);
        this.#durations.record(this.#durationName(id), elapsedMs);
        this.#end(id, "restored", elapsedMs);
        if (before !== this.#signaturesChanged && this.#worker!.follow()) this.#isOutdated = true;
      } else {
        const failure = this.#options.mayRun ? undefined : await this.#worker!.run(task);
        const elapsedMs = performance.now() - began;
        if (failure) return this.#fail(id, failure, elapsedMs);
        // How long a person stays in a shell tells nothing of the build.
        if (!task.info.interactive) {
          this.#durations.record(this.#durationName(id), elapsedMs);
          this.#times.push({ task: task.task, label: task.label, elapsedMs });
        }
        this.#end(id, "ran", elapsedMs);
      }
      const { recipe, name, signature } = this.#task(id);
      if (this.#isMulticonfig) this.#left.add(`${recipe.stamp}.${name}.${signature.unihash}`);
      // Nobody who waited for this one starts by an old plan.
      if (this.#isOutdated || this.#renewals > 0) await this.#renew();
    } catch (error) {
      this.#stopForTask(id, error);
    }
  }

  /** What a task of this recipe promises by an old stamp, and is gone, is done again before this one. */
  async #redoGone(id: TaskId, task: PlannedTask): Promise<boolean> {
    if (!this.#planner.redo || this.#isRestore(id) || this.#options.mayRun) return false;
    const isDone = (need: TaskId) => this.#board.isSettled(need);
    const known = (need: TaskId) => this.#task(need);
    const earlier = promisedBelow(id, { ...this.#options, isDone, task: known });
    const gone = (await this.#worker!.findGone(task, earlier)).filter(
      (one) => !this.#redone.has(one.task.task),
    );
    if (gone.length === 0) return false;
    for (const { task: earlier, folder } of gone) {
      this.#redone.add(earlier.task);
      this.#emit({ type: "warning", diagnostic: outputGone(task.label, earlier.label, folder) });
    }
    const again = gone.map((one) => one.task.task);
    await this.#planner.redo(id, again);
    this.#replan();
    return true;
  }

  /** Another configuration has just done it, in the same folder. */
  #isDoneByTwin({ recipe, name, signature, info }: PlannedTask): boolean {
    const key = `${recipe.stamp}.${name}.${signature.unihash}`;
    if (!this.#isMulticonfig || info.nostamp || !this.#left.has(key)) return false;
    return this.#options.stamps.state(recipe, name, signature.unihash) !== undefined;
  }

  /** What a twin has just done in the same folder needs no doing. */
  async #restore(node: TaskId): Promise<"done" | "missing" | TaskFailure> {
    const answer = await this.#planner.checkTwin(node);
    return answer ?? this.#worker!.restore(this.#task(node));
  }

  /** The output of a task was one that is known: what would have run for its sake may be done already. */
  async #renew(): Promise<void> {
    this.#renewals++;
    this.#queue!.pause();
    this.#renewal = this.#renewal.then(async () => {
      if (!this.#isOutdated) return;
      this.#isOutdated = false;
      this.#worker!.follow();
      const running = this.#board.tasks("running");
      await this.#planner.renew?.((task) => this.#board.isSettled(task) || running.has(task));
      this.#replan();
    });
    try {
      await this.#renewal;
    } finally {
      if (--this.#renewals === 0) this.#queue!.resume();
    }
  }

  /** The node of the restore is done with that, or is the body's, and starts again. */
  async #runInstead(id: TaskId): Promise<void> {
    const how = await this.#planner.runInstead(id);
    if (how === "done") this.#board.move(id, { at: "done", how: "covered" });
    this.#replan();
  }

  #replan(): void {
    const todo = this.todo();
    this.#setPriorities(todo);
    this.#queue!.replan(todo);
  }

  #fail(id: TaskId, failure: TaskFailure, elapsedMs: number): void {
    this.#board.move(id, { at: "failed", failure });
    const { task, label } = failure;
    this.#emit({ type: "task-failed", task, label, elapsedMs, failure });
    // On a full disk all others would fail, too.
    if (!this.#options.keepGoing || failure.diagnostics.some(isDiskProblem)) this.#stop("failure", false);
  }

  #stop(reason: "interrupted" | "failure", killing: boolean): void {
    if (reason === "interrupted") this.#interrupted = true;
    const first = !this.#stopping;
    this.#stopping = true;
    this.#queue?.stop();
    const running = [...this.#board.tasks("running")].map((task) => this.#task(task).label);
    // A failure with nothing beside it needs no words.
    if (reason === "failure" && (!first || running.length === 0)) return;
    this.#emit({ type: "stopping", reason, killing, running });
  }

  #stopForTask(id: TaskId, error: unknown): void {
    const { task, label } = this.#task(id);
    const disk = diskProblem(error, this.#options.settings.folders, label);
    if (disk) return this.#fail(id, { task, label, stopped: false, diagnostics: [disk] }, 0);
    this.#board.move(id, { at: "left" });
    this.#stopForFault(error);
  }

  #stopForFault(error: unknown): void {
    this.#fault ??= { error };
    this.#stopping = true;
    this.#queue?.stop();
  }

  #start(id: TaskId): void {
    const task = this.#task(id);
    const how = this.#isRestore(id) ? "restore" : "run";
    const expectedMs = this.#expectedMs(id);
    this.#emit({
      type: "task-started",
      task: task.task,
      label: task.label,
      how,
      ...this.#board.begin(id),
      ...(expectedMs !== undefined && { expectedMs }),
    });
  }

  #end(id: TaskId, how: Exclude<DoneHow, "covered">, elapsedMs: number): void {
    this.#board.move(id, { at: "done", how });
    const { task, label } = this.#task(id);
    if (how === "ran") this.#emit({ type: "task-finished", task, label, elapsedMs });
    else this.#emit({ type: "task-skipped", task, label, reason: how, elapsedMs });
  }

  #emit(event: RunEvent): void {
    if (event.type === "warning" && event.diagnostic.severity === "error") this.#errorMessages++;
    else if (event.type === "warning" || event.type === "restore-failed") this.#warnings++;
    if (event.type === "task-message" && event.level === "warning") this.#warnings++;
    if (event.type === "task-message" && event.level === "error") this.#errorMessages++;
    this.#options.onEvent(event);
  }

  #tellPlan(): void {
    const { graph, settings } = this.#options;
    const { plan } = this.#planner;
    const todo = this.todo();
    const toRestore = todo.filter((task) => this.#isRestore(task)).length;
    const noexec = todo.filter((task) => this.#isInstant(task)).length;
    const numbered = todo.filter((task) => this.#takesANumber(task)).length;
    const input = this.#priorityInput(todo);
    const estimateMs = estimate(input, pathsAhead(input), settings.threads);
    this.#emit({
      type: "plan",
      ...this.#counts(),
      noexec,
      toRestore,
      toRun: numbered - toRestore,
      ...(estimateMs !== undefined && { estimateMs }),
    });
    const restored = new Set(
      todo.filter((task) => this.#isRestore(task)).map((task) => this.#planner.taskOf(task)),
    );
    for (const task of graph.order) {
      const decision = plan.get(task);
      const label = graph.label(task);
      if (decision === "run" && this.#signatureTainted(task)) {
        this.#emit({ type: "warning", diagnostic: tainted(label) });
      }
      if (restored.has(task) || decision === "run") continue;
      const reason = decision === "current" ? "current" : "covered";
      this.#emit({ type: "task-skipped", task, label, reason, elapsedMs: 0 });
    }
  }

  #counts(): { readonly total: number; readonly current: number; readonly covered: number } {
    const { order } = this.#options.graph;
    const { plan } = this.#planner;
    const restored = new Set<TaskId>();
    for (const node of plan.keys()) if (this.#isRestore(node)) restored.add(this.#planner.taskOf(node));
    const current = order.filter((task) => plan.get(task) === "current").length;
    const run = order.filter((task) => plan.get(task) === "run").length;
    return { total: order.length, current, covered: order.length - current - run - restored.size };
  }

  #setPriorities(todo: readonly TaskId[]): void {
    this.#priorities.set(this.#priorityInput(todo));
  }

  #priorityInput(order: readonly TaskId[]): PriorityInput {
    const dependents = new Map<TaskId, TaskId[]>();
    for (const task of order) {
      for (const need of this.#planner.waits(task)) {
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
    const isQuick = this.#isInstant(task) || this.#isDoneByWaiting(task);
    return isQuick ? 0 : this.#durations.of(this.#durationName(task));
  }

  /** Restoring a task takes another time than running it. */
  #durationName(task: TaskId): string {
    const { label } = this.#task(task);
    return this.#isRestore(task) ? `${label} (restore)` : label;
  }

  /** --setscene-only: bodies are not executed. */
  #isLeftOut(node: TaskId): boolean {
    return this.#options.setscene === "only" && this.#planner.plan.get(node) === "run";
  }

  #isRestore(node: TaskId): boolean {
    return this.#planner.plan.get(node) === "restore";
  }

  #isInstant(node: TaskId): boolean {
    return this.#planner.plan.get(node) === "run" && this.#task(node).info.noexec === true;
  }

  #isDoneByWaiting(node: TaskId): boolean {
    const decision = this.#planner.plan.get(node);
    return decision === "covered" || decision === "current";
  }

  #takesANumber(node: TaskId): boolean {
    return !this.#isDoneByWaiting(node) && !this.#isInstant(node);
  }

  /** Setscene tasks of the metadata that have nothing to execute: what asks for them later finds a stamp. */
  #stampEmpty(): void {
    if (this.#options.mayRun || !(this.#planner instanceof ScenePlanner)) return;
    for (const task of this.#planner.empty) this.#worker!.stamp(this.#task(task), "setscene");
  }

  #signatureTainted(id: TaskId): boolean {
    const { info, signature } = this.#task(id);
    return signature.taint !== undefined && !info.nostamp;
  }

  #task(node: TaskId): PlannedTask {
    const id = this.#planner?.taskOf(node) ?? node;
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
}
