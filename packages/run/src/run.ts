/** A run of the queue, from the plan to the summary. */
import { diskProblem, isDiskProblem } from "@tsbake/base";
import type { TaskId } from "@tsbake/graph";
import { openExecutor } from "./body/executor.js";
import { Board } from "./loop/board.js";
import type { DoneHow } from "./loop/board.js";
import type { RunSummary, TaskFailure } from "./events.js";
import { demandCageFor } from "./limits/isolation.js";
import { MachineLimits } from "./limits/machine-limits.js";
import type { RunOptions } from "./options.js";
import { openDurations } from "./plan/durations.js";
import type { Durations } from "./plan/durations.js";
import { Forecast } from "./plan/forecast.js";
import { Nodes } from "./plan/nodes.js";
import { DemandPlanner } from "./plan/planner.js";
import { checkWorkFolders, promisedBelow, refresh } from "./plan/promises.js";
import { ScenePlanner } from "./plan/scene-planner.js";
import { mustNotRun, outputChanged, outputGone } from "./problems.js";
import { Processes } from "./processes/processes.js";
import { openQueue } from "./loop/queue.js";
import type { Queue } from "./loop/queue.js";
import type { ReadCheck } from "./reads/index.js";
import { Report } from "./loop/report.js";
import { SharedFolders } from "./outputs/shared-folders.js";
import { Worker } from "./work.js";
import type { PlannedTask } from "./work.js";

const DEFAULT_GRACE_MS = 5000;

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
  if (run.hasWork()) await (options.dryRun ? run.rehearse() : run.execute());
  return run.finish();
}

class Run {
  readonly #options: RunOptions;
  readonly #shared: SharedFolders;
  readonly #nodes: Nodes;
  readonly #forecast: Forecast;
  readonly #board = new Board();
  readonly #report: Report;
  #queue: Queue | undefined;
  #worker: Worker | undefined;
  #limits: MachineLimits | undefined;
  /** Done again since what they had left was gone; once in a run. */
  readonly #redone = new Set<TaskId>();
  /** Stamps that tasks of this run have left, where there are several configurations. */
  readonly #left = new Set<string>();
  #stopping = false;
  #interrupted = false;
  /** An error of our own code: told after everything has come to rest. */
  #fault: { readonly error: unknown } | undefined;
  /** Signatures have changed since the plan was made, and how often they did. */
  #isOutdated = false;
  #signaturesChanged = 0;
  /** Plans being made anew, one after the other, and how many. */
  #renewal: Promise<void> = Promise.resolve();
  #renewals = 0;

  constructor(options: RunOptions, durations: Durations, began: number) {
    this.#options = options;
    this.#shared = new SharedFolders(options);
    this.#nodes = new Nodes(options, () => this.#shared.changedMs());
    this.#forecast = new Forecast(options, this.#nodes, durations);
    this.#report = new Report(options, this.#nodes, this.#board, began);
  }

  async plan(): Promise<void> {
    const { dryRun, isWhole, stamps } = this.#options;
    const { planner } = this.#nodes;
    if (!dryRun) {
      if (isWhole) await this.#shared.prune();
      for (const { recipe, task, file } of this.#shared.doubtTargets())
        this.#report.emit({ type: "warning", diagnostic: outputChanged(`${recipe.pn}:${task}`, file) });
    }
    await planner.prepare();
    if (planner instanceof DemandPlanner) {
      const task = (id: TaskId) => this.#nodes.task(id);
      if (this.#nodes.isMulticonfig) checkWorkFolders(planner.plan.keys(), task);
      if (!dryRun) refresh(planner.verified, { stamps, task });
    }
    this.#report.plan(this.#forecast.estimateMs(this.#nodes.todo()));
    if (!dryRun) await demandCageFor(planner, (id) => this.#nodes.task(id).info);
  }

  hasWork(): boolean {
    return this.#nodes.todo().length > 0;
  }

  /** A dry run: everything that would happen, told in an order in which it could. */
  rehearse(): void {
    const nodes = this.#nodes;
    const todo = nodes.todo();
    for (const node of todo)
      this.#board.move(node, { at: "waiting", open: 0, isNumbered: nodes.takesANumber(node) });
    for (const node of todo) {
      if (this.#options.stop?.aborted) {
        this.#interrupted = true;
        return;
      }
      if (nodes.isLeftOut(node) || nodes.isDoneByWaiting(node)) continue;
      if (nodes.isInstant(node)) this.#end(node, "noexec", 0);
      else {
        this.#board.move(node, { at: "running", isNumbered: true, holds: [] });
        this.#start(node);
        this.#end(node, nodes.isRestore(node) ? "restored" : "ran", 0);
      }
    }
  }

  async execute(): Promise<void> {
    const { settings, stop, kill, onDisks } = this.#options;
    const processes = new Processes(settings.graceMs ?? DEFAULT_GRACE_MS);
    this.#worker = await this.#openWorker(processes);
    this.#stampEmpty();
    const queue = (this.#queue = await this.#openQueue());
    const limits = (this.#limits = new MachineLimits(settings, {
      gate: () => queue.gate(),
      stop: (killing) => {
        this.#stop("failure", killing);
        if (killing) processes.kill();
      },
      onEvent: (event) => this.#report.emit(event),
      onError: (error) => this.#stopForFault(error),
      onDisks,
    }));
    const onStop = () => this.#stop("interrupted", false);
    const onKill = () => {
      this.#stop("interrupted", true);
      processes.kill();
    };
    stop?.addEventListener("abort", onStop);
    kill?.addEventListener("abort", onKill);
    try {
      const todo = this.#nodes.todo();
      queue.add(todo);
      this.#forecast.follow(todo);
      if (kill?.aborted) onKill();
      else if (stop?.aborted) onStop();
      limits.open();
      queue.release(todo);
      await queue.settled();
      await this.#worker.close();
    } finally {
      limits.close();
      stop?.removeEventListener("abort", onStop);
      kill?.removeEventListener("abort", onKill);
      processes.close();
    }
    if (this.#fault) throw this.#fault.error;
    await this.#forecast.save();
  }

  finish(): RunSummary {
    return this.#report.finish(this.#interrupted);
  }

  #openQueue(): Promise<Queue> {
    const nodes = this.#nodes;
    const input = {
      waits: (node: TaskId) => nodes.planner.waits(node),
      priority: (node: TaskId) => this.#forecast.priority(node),
      work: (node: TaskId) => this.#work(node),
      instantly: (node: TaskId) => this.#instantly(node),
      mayStart: () => this.#limits?.mayStart() ?? true,
      limits: (node: TaskId) => nodes.limits(node),
      isNumbered: (node: TaskId) => nodes.takesANumber(node),
    };
    return openQueue(input, this.#board, this.#options.settings.threads);
  }

  async #openWorker(processes: Processes): Promise<Worker> {
    const onEvent = this.#report.emit.bind(this.#report);
    const executor = openExecutor(this.#options, processes, onEvent);
    const onNewSignatures = (tasks: readonly TaskId[]): void => {
      this.#nodes.forget(tasks);
      this.#isOutdated = true;
      this.#signaturesChanged++;
    };
    const reads = await this.#openReadCheck();
    const worker = new Worker(this.#options, executor, this.#shared, onEvent, onNewSignatures, reads);
    worker.open(() =>
      this.#nodes.todo().flatMap((id) => (this.#board.isSettled(id) ? [] : this.#nodes.planner.taskOf(id))),
    );
    return worker;
  }

  async #openReadCheck(): Promise<ReadCheck | undefined> {
    const { settings, graph, project } = this.#options;
    if (!settings.checkReads) return undefined;
    // Loaded when it is asked for.
    const { openReadCheck } = await import("./reads/index.js");
    return openReadCheck({ graph, recipes: project.recipes, tmpdir: settings.tmpdir });
  }

  #instantly(node: TaskId): void {
    if (this.#nodes.isDoneByWaiting(node)) return this.#board.move(node, { at: "done", how: "covered" });
    if (!this.#nodes.isInstant(node) || this.#nodes.isLeftOut(node)) return;
    try {
      if (!this.#options.mayRun) this.#worker!.stamp(this.#nodes.task(node));
    } catch (error) {
      return this.#stopForTask(node, error);
    }
    this.#end(node, "noexec", 0);
  }

  async #work(node: TaskId): Promise<void> {
    const nodes = this.#nodes;
    if (this.#stopping || nodes.isLeftOut(node)) return this.#board.move(node, { at: "left" });
    // A restore that another one's failure has made pointless.
    if (!nodes.planner.plan.has(node) || nodes.isDoneByWaiting(node))
      return this.#board.move(node, { at: "done", how: "covered" });
    const task = nodes.task(node);
    if (this.#isDoneElsewhere(task)) return this.#end(node, "current", 0);
    if (!nodes.isRestore(node) && this.#options.mayRun?.(task.task) === false) {
      const diagnostics = [mustNotRun(task.label)];
      return this.#fail(node, { task: task.task, label: task.label, stopped: false, diagnostics }, 0);
    }
    try {
      if (await this.#redoGone(node, task)) return;
      this.#start(node);
      const isDone = nodes.isRestore(node) ? await this.#restore(node) : await this.#run(node, task);
      if (!isDone) return;
      const { recipe, name, signature } = nodes.task(node);
      if (nodes.isMulticonfig) this.#left.add(`${recipe.stamp}.${name}.${signature.unihash}`);
      // Nobody who waited for this one starts by an old plan.
      if (this.#isOutdated || this.#renewals > 0) await this.#renew();
    } catch (error) {
      this.#stopForTask(node, error);
    }
  }

  /** @returns whether it is done */
  async #run(node: TaskId, task: PlannedTask): Promise<boolean> {
    const began = performance.now();
    const failure = this.#options.mayRun ? undefined : await this.#worker!.run(task);
    const elapsedMs = performance.now() - began;
    if (failure) this.#fail(node, failure, elapsedMs);
    else {
      // How long a person stays in a shell tells nothing of the build.
      if (!task.info.interactive) {
        this.#forecast.record(node, elapsedMs);
        this.#report.took(node, elapsedMs);
      }
      this.#end(node, "ran", elapsedMs);
    }
    return !failure;
  }

  /** What another configuration has just done in the same folder needs no doing. @returns whether it is done */
  async #restore(node: TaskId): Promise<boolean> {
    const began = performance.now();
    const before = this.#signaturesChanged;
    const elsewhere = await this.#nodes.planner.checkDeferred(node);
    const end = elsewhere ?? (await this.#worker!.restore(this.#nodes.task(node)));
    const elapsedMs = performance.now() - began;
    if (end === "missing") await this.#runInstead(node);
    else if (end !== "done") this.#fail(node, end, elapsedMs);
    else {
      this.#forecast.record(node, elapsedMs);
      this.#end(node, "restored", elapsedMs);
      if (before !== this.#signaturesChanged && this.#worker!.follow()) this.#isOutdated = true;
    }
    return end === "done";
  }

  /** What a task of this recipe promises by an old stamp, and is gone, is done again before this one. */
  async #redoGone(node: TaskId, task: PlannedTask): Promise<boolean> {
    const { planner } = this.#nodes;
    if (!planner.redo || this.#nodes.isRestore(node) || this.#options.mayRun) return false;
    const isDone = (need: TaskId) => this.#board.isSettled(need);
    const known = (need: TaskId) => this.#nodes.task(need);
    const earlier = promisedBelow(node, { ...this.#options, isDone, task: known });
    const found = await this.#worker!.findGone(task, earlier);
    const gone = found.filter((one) => !this.#redone.has(one.task.task));
    if (gone.length === 0) return false;
    for (const { task: lost, folder } of gone) {
      this.#redone.add(lost.task);
      this.#report.emit({ type: "warning", diagnostic: outputGone(task.label, lost.label, folder) });
    }
    const again = gone.map((one) => one.task.task);
    await planner.redo(node, again);
    this.#replan();
    return true;
  }

  /** Another configuration has just done it, in the same folder. */
  #isDoneElsewhere({ recipe, name, signature, info }: PlannedTask): boolean {
    const key = `${recipe.stamp}.${name}.${signature.unihash}`;
    if (!this.#nodes.isMulticonfig || info.nostamp || !this.#left.has(key)) return false;
    return this.#options.stamps.state(recipe, name, signature.unihash) !== undefined;
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
      await this.#nodes.planner.renew?.((task) => this.#board.isSettled(task) || running.has(task));
      this.#replan();
    });
    try {
      await this.#renewal;
    } finally {
      if (--this.#renewals === 0) this.#queue!.resume();
    }
  }

  /** The node of the restore is done with that, or is the body's, and starts again. */
  async #runInstead(node: TaskId): Promise<void> {
    const how = await this.#nodes.planner.runInstead(node);
    if (how === "done") this.#board.move(node, { at: "done", how: "covered" });
    this.#replan();
  }

  #replan(): void {
    const todo = this.#nodes.todo();
    this.#forecast.follow(todo);
    this.#queue!.replan(todo);
  }

  #start(node: TaskId): void {
    this.#report.started(node, this.#forecast.expectedMs(node));
  }

  #end(node: TaskId, how: Exclude<DoneHow, "covered">, elapsedMs: number): void {
    this.#board.move(node, { at: "done", how });
    this.#report.ended(node, how, elapsedMs);
  }

  #fail(node: TaskId, failure: TaskFailure, elapsedMs: number): void {
    this.#board.move(node, { at: "failed", failure });
    this.#report.failed(failure, elapsedMs);
    // On a full disk all others would fail, too.
    if (!this.#options.keepGoing || failure.diagnostics.some(isDiskProblem)) this.#stop("failure", false);
  }

  #stop(reason: "interrupted" | "failure", killing: boolean): void {
    if (reason === "interrupted") this.#interrupted = true;
    const first = !this.#stopping;
    this.#stopping = true;
    this.#queue?.stop();
    const running = [...this.#board.tasks("running")].map((node) => this.#nodes.task(node).label);
    // A failure with nothing beside it needs no words.
    if (reason === "failure" && (!first || running.length === 0)) return;
    this.#report.emit({ type: "stopping", reason, killing, running });
  }

  #stopForTask(node: TaskId, error: unknown): void {
    const { task, label } = this.#nodes.task(node);
    const disk = diskProblem(error, this.#options.settings.folders, label);
    if (disk) return this.#fail(node, { task, label, stopped: false, diagnostics: [disk] }, 0);
    this.#board.move(node, { at: "left" });
    this.#stopForFault(error);
  }

  #stopForFault(error: unknown): void {
    this.#fault ??= { error };
    this.#stopping = true;
    this.#queue?.stop();
  }

  /** Setscene tasks of the metadata that have nothing to execute: what asks for them later finds a stamp. */
  #stampEmpty(): void {
    const { planner } = this.#nodes;
    if (this.#options.mayRun || !(planner instanceof ScenePlanner)) return;
    for (const task of planner.empty) this.#worker!.stamp(this.#nodes.task(task), "setscene");
  }
}
