/** A run of the queue, from the plan to the summary. */
import { diskProblem, isDiskProblem } from "@tsbake/base";
import type { TaskId } from "@tsbake/graph";
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
import { Queue } from "./queue.js";
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
  readonly #done = new Set<TaskId>();
  /** Done again since what they had left was gone; once in a run. */
  readonly #redone = new Set<TaskId>();
  readonly #failed: TaskFailure[] = [];
  readonly #times: (TaskName & { readonly elapsedMs: number })[] = [];
  readonly #priorities: Priorities;
  /** Only a build of several configurations has some. */
  readonly #shared: SharedFolders;
  #queue: Queue | undefined;
  #worker: Worker | undefined;
  #limits: MachineLimits | undefined;
  #number = 0;
  #of = 0;
  #ran = 0;
  #restored = 0;
  /** Done by the same task of another configuration. */
  #taken = 0;
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
    for (const task of this.todo()) {
      if (this.#options.stop?.aborted) {
        this.#interrupted = true;
        return;
      }
      if (this.#isLeftOut(task) || this.#isDoneByWaiting(task)) continue;
      const planned = this.#task(task);
      this.#done.add(task);
      if (this.#isInstant(task)) this.#skip(planned, "noexec", 0);
      else {
        this.#start(task);
        if (this.#isRestore(task)) this.#endRestore(planned, 0);
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
    const open = () => this.todo().flatMap((id) => (this.#done.has(id) ? [] : this.#planner.taskOf(id)));
    this.#worker.open(open);
    this.#stampEmpty();
    const queue = new Queue(this.#queueInput(), new PQueue({ concurrency: Math.max(1, settings.threads) }));
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
    const failed = new Set(this.#failed.map(({ task }) => task));
    const notStarted = this.todo().filter(
      (task) => !this.#done.has(task) && !this.#isDoneByWaiting(task) && !failed.has(task),
    );
    const { total, current, covered } = this.#counts();
    const noexec = this.#done.size - this.#ran - this.#restored - this.#taken;
    const left = this.#options.setscene === "only" ? 0 : notStarted.length;
    const summary: RunSummary = {
      total,
      ran: this.#ran,
      restored: this.#restored,
      current: current + this.#taken,
      covered,
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
      waits: (task: TaskId) => this.#planner.waits(task),
      priority: (task: TaskId) => this.#priorities.of(task, this.#planner.taskOf(task)),
      work: (task: TaskId) => this.#work(task),
      instantly: (task: TaskId) => this.#instantly(task),
      mayStart: () => this.#limits?.mayStart() ?? true,
      limits: (node: TaskId) => this.#limitsOf(node),
    };
  }

  async #openReadCheck(): Promise<ReadCheck | undefined> {
    const { settings, graph, project } = this.#options;
    if (!settings.checkReads) return undefined;
    // Loaded when it is asked for.
    const { openReadCheck } = await import("./reads/index.js");
    return openReadCheck({ graph, recipes: project.recipes, tmpdir: settings.tmpdir });
  }

  #limitsOf(node: TaskId): { readonly group: string; readonly most: number }[] {
    const { name, recipe } = this.#task(node);
    const most = this.#isRestore(node) ? undefined : this.#options.settings.taskThreads?.get(name);
    const limits = most === undefined ? [] : [{ group: name, most }];
    // Whose a new file in the recipe's folder is can be told only of one at a time.
    if (this.#options.settings.checkReads) limits.push({ group: `${recipe.stamp} reads`, most: 1 });
    // Configurations that share a folder: what writes into it at the same time would spoil it.
    return this.#isMulticonfig ? [...limits, { group: `${recipe.stamp}.${name}`, most: 1 }] : limits;
  }

  #instantly(id: TaskId): "done" | undefined {
    if (this.#isDoneByWaiting(id)) return "done";
    if (!this.#isInstant(id) || this.#isLeftOut(id)) return undefined;
    const task = this.#task(id);
    try {
      if (!this.#options.mayRun) this.#worker!.stamp(task);
    } catch (error) {
      this.#stopForFault(error, task);
      return undefined;
    }
    this.#done.add(id);
    this.#skip(task, "noexec", 0);
    return "done";
  }

  async #work(id: TaskId): Promise<"done" | "failed" | "again"> {
    if (this.#stopping || this.#isLeftOut(id)) return "failed";
    // A restore that another one's failure has made pointless.
    if (!this.#planner.plan.has(id) || this.#isDoneByWaiting(id)) return "done";
    const task = this.#task(id);
    if (this.#isDoneByTwin(task)) {
      this.#done.add(id);
      this.#taken++;
      this.#skip(task, "current", 0);
      return "done";
    }
    const began = performance.now();
    const mayRun = this.#isRestore(id) ? true : this.#options.mayRun?.(task.task);
    if (mayRun === false) {
      const diagnostics = [mustNotRun(task.label)];
      return this.#fail({ task: task.task, label: task.label, stopped: false, diagnostics }, 0);
    }
    try {
      if (await this.#redoGone(id, task)) return "again";
      this.#start(id);
      if (this.#isRestore(id)) {
        const before = this.#signaturesChanged;
        const end = await this.#restore(id);
        if (end === "missing") return await this.#runInstead(id);
        if (end !== "done") return this.#fail(end, performance.now() - began);
        this.#done.add(id);
        this.#durations.record(this.#durationName(id), performance.now() - began);
        this.#endRestore(task, performance.now() - began);
        if (before !== this.#signaturesChanged && this.#worker!.follow()) this.#isOutdated = true;
      } else {
        const failure = this.#options.mayRun ? undefined : await this.#worker!.run(task);
        const elapsedMs = performance.now() - began;
        if (failure) return this.#fail(failure, elapsedMs);
        this.#done.add(id);
        // How long a person stays in a shell tells nothing of the build.
        if (!task.info.interactive) {
          this.#durations.record(this.#durationName(id), elapsedMs);
          this.#times.push({ task: task.task, label: task.label, elapsedMs });
        }
        this.#endRun(task, elapsedMs);
      }
      const { recipe, name, signature } = this.#task(id);
      if (this.#isMulticonfig) this.#left.add(`${recipe.stamp}.${name}.${signature.unihash}`);
      // Nobody who waited for this one starts by an old plan.
      if (this.#isOutdated || this.#renewals > 0) await this.#renew();
      return "done";
    } catch (error) {
      this.#stopForFault(error, task);
      return "failed";
    }
  }

  /** What a task of this recipe promises by an old stamp, and is gone, is done again before this one. */
  async #redoGone(id: TaskId, task: PlannedTask): Promise<boolean> {
    if (!this.#planner.redo || this.#isRestore(id) || this.#options.mayRun) return false;
    const [isDone, known] = [(need: TaskId) => this.#done.has(need), (need: TaskId) => this.#task(need)];
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
    this.#replan(id);
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
      await this.#planner.renew?.((task) => this.#done.has(task) || this.#queue!.running.has(task));
      this.#replan();
    });
    try {
      await this.#renewal;
    } finally {
      if (--this.#renewals === 0) this.#queue!.resume();
    }
  }

  async #runInstead(id: TaskId): Promise<"again" | "done"> {
    const how = await this.#planner.runInstead(id);
    this.#replan(id);
    return how;
  }

  /** @param again a task that runs now and will start once more */
  #replan(again?: TaskId): void {
    const todo = this.todo();
    this.#setPriorities(todo);
    const open = todo.filter((task) => !this.#done.has(task) && this.#takesANumber(task));
    // What has started, the restore that went wrong among it, has used numbers of its own.
    const running = [...this.#queue!.running].filter((task) => task !== again);
    this.#of = this.#number + open.filter((task) => !running.includes(task)).length;
    this.#queue!.replan(todo);
  }

  #fail(failure: TaskFailure, elapsedMs: number): "failed" {
    this.#failed.push(failure);
    const { task, label } = failure;
    this.#emit({ type: "task-failed", task, label, elapsedMs, failure });
    // On a full disk all others would fail, too.
    if (!this.#options.keepGoing || failure.diagnostics.some(isDiskProblem)) this.#stop("failure", false);
    return "failed";
  }

  #stop(reason: "interrupted" | "failure", killing: boolean): void {
    if (reason === "interrupted") this.#interrupted = true;
    const first = !this.#stopping;
    this.#stopping = true;
    this.#queue?.stop();
    const failed = new Set(this.#failed.map(({ label }) => label));
    const running = [...(this.#queue?.running ?? [])]
      .map((task) => this.#task(task).label)
      .filter((label) => !failed.has(label));
    // A failure with nothing beside it needs no words.
    if (reason === "failure" && (!first || running.length === 0)) return;
    this.#emit({ type: "stopping", reason, killing, running });
  }

  #stopForFault(error: unknown, who?: TaskName): void {
    const disk = who && diskProblem(error, this.#options.settings.folders, who.label);
    if (disk) return void this.#fail({ ...who, stopped: false, diagnostics: [disk] }, 0);
    this.#fault ??= { error };
    this.#stopping = true;
    this.#queue?.stop();
  }

  #start(id: TaskId): void {
    const task = this.#task(id);
    const how = this.#isRestore(id) ? "restore" : "run";
    const expectedMs = this.#expectedMs(id);
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

  #skip({ task, label }: TaskName, reason: "restored" | "noexec" | "current", elapsedMs: number): void {
    this.#emit({ type: "task-skipped", task, label, reason, elapsedMs });
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
    this.#of = todo.filter((task) => this.#takesANumber(task)).length;
    const input = this.#priorityInput(todo);
    const estimateMs = estimate(input, pathsAhead(input), settings.threads);
    this.#emit({
      type: "plan",
      ...this.#counts(),
      noexec,
      toRestore,
      toRun: this.#of - toRestore,
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
