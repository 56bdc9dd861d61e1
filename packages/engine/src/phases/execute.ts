/** Hands a signed graph to the run queue, with everything the queue needs from outside. */
import type { TaskGraph } from "@tsbake/graph";
import { multiconfigOf, passedEnvironment } from "@tsbake/recipe";
import { runTasks, withPython } from "@tsbake/run";
import type { RunOptions, RunSettings, RunSummary, Stamps } from "@tsbake/run";
import type { BuildRequest } from "../build-types.js";
import type { EngineEvent } from "../events.js";
import { dateAndTime, type MetadataEvents } from "../metadata/metadata-events.js";
import { mayRun, openScene } from "../metadata/scene.js";
import { writtenFolders } from "../settings/disks.js";
import { readMachineSettings } from "../settings/run-settings.js";
import { DoneNotes } from "../state/last-done.js";
import { openPush, type Push } from "../state/push.js";
import { openStore } from "../state/store.js";
import { Traffic } from "../state/traffic.js";
import type { BuildContext } from "./context.js";
import type { Feeds } from "./feeds.js";
import type { SignedGraph } from "./sign.js";
import { taskHooks } from "./task-hooks.js";

/** A signed graph, what is asked for, and whom to tell. */
export interface ExecuteRequest extends SignedGraph {
  readonly context: BuildContext;
  /** Names as asked for. */
  readonly targets: readonly string[];
  readonly graph: TaskGraph;
  readonly stamps: Stamps;
  readonly feeds: Feeds;
  readonly request: BuildRequest;
  /** Told of tasks and of the queue; without it no handler is. */
  readonly events?: MetadataEvents | undefined;
  readonly onEvent: (event: EngineEvent) => void;
}

/** @throws BuildError for what stops everything; failed tasks are in the summary */
export async function executeTasks(options: ExecuteRequest): Promise<RunSummary> {
  const { context, graph, request, onEvent, locked } = options;
  const { project, python } = context;
  const began = new Date();
  const settings = await runSettings(options);
  const push = request.dryRun ? undefined : await openPush({ ...context, onEvent, signal: request.kill });
  const lastDone = request.dryRun ? undefined : new DoneNotes(settings.cache);
  const traffic = new Traffic();
  const store = traffic.over(await openStore(project, { onEvent, locked, signal: request.kill, traffic }));
  try {
    return await runTasks({
      graph,
      signatures: options.signatures,
      project,
      // One recipe by its file (-b) is not all that there is.
      isWhole: project.wanted === undefined,
      openRecipe: recipesOf(options, began),
      store: push ? push.over(store) : store,
      stamps: options.stamps,
      settings,
      setscene: request.setscene,
      ...(options.equivalence && { equivalence: options.equivalence }),
      ...(options.reportOutput && { reportOutput: options.reportOutput }),
      ...sceneOf(options),
      keepGoing: request.keepGoing,
      dryRun: request.dryRun,
      ...taskHooks(options),
      runPython: python.runTask,
      openPython: python.open,
      stop: request.stop,
      kill: request.kill,
      onDisks: (seen) => options.events?.disks(seen),
      onEvent: (event) => {
        onEvent(event);
        lastDone?.see(event);
        options.events?.queue(event, graph, options.signatures);
      },
    });
  } finally {
    await lastDone?.save();
    await tellTraffic(options, traffic, push);
  }
}

/** @throws BuildError `engine/malformed-setting`, `engine/foreign-scheduler` */
async function runSettings({ context, request, onEvent }: ExecuteRequest): Promise<RunSettings> {
  const { project, python } = context;
  const text = (name: string) => project.configurationText(name);
  const placeOf = (name: string, flag?: string) => project.configuration().spanOf(name, flag);
  const { warnings, ...machine } = await withPython(python.open, () =>
    readMachineSettings(text, project.taskThreads, placeOf),
  );
  for (const diagnostic of warnings) onEvent({ type: "engine-warning", diagnostic });
  return {
    ...machine,
    tmpdir: (recipe) => project.configurationText("TMPDIR", multiconfigOf(recipe)) ?? "",
    configuration: (recipe) => {
      const multiconfig = multiconfigOf(recipe);
      return `${multiconfig}:${project.configurationText("MACHINE", multiconfig) ?? ""}`;
    },
    folders: writtenFolders(project),
    cache: text("CACHE") ?? "",
    epochSeconds: Number.parseInt(text("SOURCE_DATE_EPOCH") ?? "", 10) || 0,
    verbose: request.verbose,
    ...(request.terminal && { terminal: request.terminal }),
  };
}

/** What decides instead of the planner, where the metadata has setscene tasks of its own. */
function sceneOf(options: ExecuteRequest): Pick<RunOptions, "scene" | "mayRun"> {
  const { context, targets, request } = options;
  const { stop, force } = request;
  const environment = passedEnvironment(context.environment);
  const scene = openScene({ ...options, ...context, environment, stop, force });
  const allowed = mayRun(context.project, targets);
  return { ...(scene && { scene }), ...(allowed && { mayRun: allowed }) };
}

/** Recipes as tasks see them. @param began the moment of the build, which is never part of a signature */
function recipesOf({ context: { project } }: ExecuteRequest, began: Date): RunOptions["openRecipe"] {
  return async (id) => {
    // After a cached parse nothing is evaluated yet, and evaluating may take Python.
    await project.prepare([id]);
    const d = project.openRecipe(id).createCopy();
    const [date, time] = dateAndTime(began);
    d.setVar("DATE", date);
    d.setVar("TIME", time);
    if (d.getVar("BUILDNAME", { expand: false }) === undefined) d.setVar("BUILDNAME", "${DATE}${TIME}");
    return d;
  };
}

async function tellTraffic(
  { request, onEvent }: ExecuteRequest,
  traffic: Traffic,
  push: Push | undefined,
): Promise<void> {
  const pushed = await push?.finish();
  if (!request.dryRun) traffic.tell(onEvent, pushed);
}
