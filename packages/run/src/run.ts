/** A run of the queue, from the plan to the summary. */
import type { TaskId } from "@tsbake/graph";
import { openExecutor } from "./body/executor.js";
import type { RunSummary } from "./events.js";
import { checkPreconditions } from "./limits/preconditions.js";
import { MachineLimits } from "./limits/machine-limits.js";
import { Board } from "./loop/board.js";
import { NodeWork } from "./loop/node-work.js";
import type { ExecutionParts, RunParts } from "./loop/parts.js";
import { openQueue, type QueueInput } from "./loop/queue.js";
import { rehearse } from "./loop/rehearsal.js";
import { Replanning } from "./loop/replanning.js";
import { Report } from "./loop/report.js";
import { followSignals, EarlyEnd } from "./loop/early-end.js";
import type { RunOptions } from "./options.js";
import { SharedFolders } from "./outputs/shared-folders.js";
import { openDurations } from "./plan/durations.js";
import { Forecast } from "./plan/forecast.js";
import { Nodes } from "./plan/nodes.js";
import { DemandPlanner } from "./plan/planner.js";
import { checkWorkFolders, refresh } from "./plan/promises.js";
import { ScenePlanner } from "./plan/scene-planner.js";
import { outputChanged } from "./problems.js";
import { Processes } from "./processes/processes.js";
import type { ReadCheck } from "./reads/index.js";
import { Worker } from "./work/worker.js";

const DEFAULT_GRACE_MS = 5000;

/**
 * Plans (setscene first), then restores and executes what is needed, by priority, as many at a time as the settings
 * allow. Failures of tasks are in the summary and in events.
 *
 * @throws BuildError and system errors of what stops everything: a stamp or cache folder that cannot be written
 */
export async function runTasks(options: RunOptions): Promise<RunSummary> {
  const parts = await openParts(options, performance.now());
  await plan(parts);
  const hasWork = parts.nodes.todo().length > 0;
  if (hasWork && options.dryRun) return parts.report.finish(!rehearse(parts));
  const isInterrupted = hasWork && (await execute(parts));
  return parts.report.finish(isInterrupted);
}

async function openParts(options: RunOptions, began: number): Promise<RunParts> {
  const durations = await openDurations(options.settings.cache);
  const shared = new SharedFolders(options);
  const nodes = new Nodes(options, () => shared.changedMs());
  const board = new Board();
  return {
    options,
    shared,
    nodes,
    forecast: new Forecast(options, nodes, durations),
    board,
    report: new Report(options, nodes, board, began),
  };
}

async function plan({ options, shared, nodes, forecast, report }: RunParts): Promise<void> {
  const { dryRun, isWhole, stamps } = options;
  const { planner } = nodes;
  if (!dryRun) {
    if (isWhole) await shared.prune();
    for (const { recipe, task, file } of shared.doubtTargets())
      report.emit({ type: "warning", diagnostic: outputChanged(`${recipe.pn}:${task}`, file) });
  }
  await planner.prepare();
  if (planner instanceof DemandPlanner) {
    const task = (id: TaskId) => nodes.task(id);
    if (nodes.isMulticonfig) checkWorkFolders(planner.plan.keys(), task);
    if (!dryRun) refresh(planner.verified, { stamps, task });
  }
  report.plan(forecast.estimateMs(nodes.todo()));
  if (!dryRun) await checkPreconditions(planner, (id) => nodes.task(id).info);
}

/** @returns whether somebody interrupted it. @throws what our own code has thrown, when everything has come to rest */
async function execute(parts: RunParts): Promise<boolean> {
  const { options, nodes, forecast, report } = parts;
  const { settings } = options;
  const stopping = new EarlyEnd(parts);
  const processes = new Processes(settings.graceMs ?? DEFAULT_GRACE_MS);
  const stop = (reason: "interrupted" | "failure", killing: boolean): void => {
    stopping.stop(reason, killing);
    if (killing) processes.kill();
  };
  const limits = new MachineLimits(settings, {
    gate: () => queue.gate(),
    stop: (killing) => stop("failure", killing),
    onEvent: (event) => report.emit(event),
    onError: (error) => stopping.fault(error),
    onDisks: options.onDisks,
  });
  const { queue, worker } = await openExecution(parts, stopping, processes, () => limits.mayStart());
  const signals = followSignals(options, (killing) => stop("interrupted", killing));
  try {
    const todo = nodes.todo();
    queue.add(todo);
    forecast.follow(todo);
    signals.look();
    limits.open();
    queue.release(todo);
    await queue.settled();
    await worker.close();
  } finally {
    limits.close();
    signals.close();
    processes.close();
  }
  stopping.throwFault();
  await forecast.save();
  return stopping.isInterrupted;
}

/** Who does the work, and the queue that gives it out. */
async function openExecution(
  parts: RunParts,
  stopping: EarlyEnd,
  processes: Processes,
  mayStart: () => boolean,
): Promise<ExecutionParts> {
  const { options, shared, nodes, forecast, board, report } = parts;
  const emit = report.emit.bind(report);
  const executor = openExecutor(options, processes, emit);
  const onNewSignatures = (tasks: readonly TaskId[]): void => {
    nodes.forget(tasks);
    replanning.signaturesChanged();
  };
  const worker = new Worker(options, executor, shared, emit, onNewSignatures, await openReads(options));
  worker.open(() => nodes.todo().flatMap((id) => (board.isSettled(id) ? [] : nodes.planner.taskOf(id))));
  stampEmpty(parts, worker);
  const input: QueueInput = {
    waits: (node) => nodes.planner.waits(node),
    priority: (node) => forecast.priority(node),
    work: (node) => work.do(node),
    instantly: (node) => work.doInstantly(node),
    mayStart,
    limits: (node) => nodes.limits(node),
    isNumbered: (node) => nodes.takesANumber(node),
  };
  const queue = await openQueue(input, board, options.settings.threads);
  const execution = { ...parts, queue, worker };
  const replanning = new Replanning(execution);
  const work = new NodeWork(execution, stopping, replanning);
  stopping.follow(queue);
  return execution;
}

/** Setscene tasks of the metadata that have nothing to execute: what asks for them later finds a stamp. */
function stampEmpty({ options, nodes }: RunParts, worker: Worker): void {
  if (options.mayRun || !(nodes.planner instanceof ScenePlanner)) return;
  for (const task of nodes.planner.empty) worker.stamp(nodes.task(task), "setscene");
}

async function openReads({ settings, graph, project }: RunOptions): Promise<ReadCheck | undefined> {
  if (!settings.checkReads) return undefined;
  // Loaded when it is asked for.
  const { openReadCheck } = await import("./reads/index.js");
  return openReadCheck({ graph, recipes: project.recipes, tmpdir: settings.tmpdir });
}
