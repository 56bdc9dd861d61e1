/** Hands a signed graph to the run queue, with everything the queue needs from outside. */
import { join } from "node:path";
import type { Datastore } from "@tsbake/datastore";
import type { TaskGraph, TaskId } from "@tsbake/graph";
import { multiconfigOf, passedEnvironment } from "@tsbake/recipe";
import type { RecipeId } from "@tsbake/recipe";
import { runTasks, withPython } from "@tsbake/run";
import type { RunSummary, Stamps } from "@tsbake/run";
import type { BuildRequest } from "../build-types.js";
import type { EngineEvent } from "../events.js";
import type { BuildContext } from "./context.js";
import type { Feeds } from "./feeds.js";
import { changedInputs } from "./inputs.js";
import type { SignedGraph } from "./sign.js";
import { dateAndTime, type MetadataEvents } from "../metadata/metadata-events.js";
import { writtenFolders } from "../settings/disks.js";
import { readMachineSettings } from "../settings/run-settings.js";
import { mayRun, openScene } from "../metadata/scene.js";
import { openPush } from "../state/push.js";
import { Traffic } from "../state/traffic.js";
import { openStore } from "../state/store.js";
import { linkHostTools } from "../settings/tools.js";
import { WorkTrace } from "../trace/index.js";

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
  const { context, graph, feeds, request } = options;
  const { project, environment, python } = context;
  const text = (name: string) => project.configurationText(name);
  const started = new Date();
  const { warnings, ...machine } = await withPython(python.open, () =>
    readMachineSettings(text, project.taskThreads, (name, flag) =>
      project.configuration().spanOf(name, flag),
    ),
  );
  for (const diagnostic of warnings) options.onEvent({ type: "engine-warning", diagnostic });
  const scene = openScene({
    ...options,
    ...context,
    environment: passedEnvironment(environment),
    stop: request.stop,
    force: request.force,
  });
  const allowed = mayRun(project, options.targets);
  const tools = new Map<string, Promise<void>>();
  /** Once for each folder. */
  const hostTools = (multiconfig: string): Promise<void> => {
    const own = (name: string) => project.configurationText(name, multiconfig);
    const folder = own("HOSTTOOLS_DIR") ?? join(own("TMPDIR") ?? "", "hosttools");
    let linked = tools.get(folder);
    if (!linked) {
      const [required, optional] = [own("HOSTTOOLS"), own("HOSTTOOLS_NONFATAL")];
      tools.set(
        folder,
        (linked = linkHostTools({ folder, required, optional, path: environment["PATH"] ?? "" })),
      );
    }
    return linked;
  };
  const tellTask = async (
    kind: "TaskStarted" | "TaskSucceeded" | "TaskFailed",
    task: TaskId,
    d: Datastore,
    logPath = join(d.getText("T") ?? "", `log.${graph.node(task).task}`),
  ) => {
    const { recipe, task: name } = graph.node(task);
    await options.events?.task(kind, { recipe, name }, d, logPath);
  };
  const trace = new WorkTrace((diagnostic) => options.onEvent({ type: "engine-warning", diagnostic }));
  const push = request.dryRun
    ? undefined
    : await openPush({ ...context, onEvent: options.onEvent, signal: request.kill });
  const { onEvent, locked } = options;
  const traffic = new Traffic();
  const store = traffic.over(await openStore(project, { onEvent, locked, signal: request.kill, traffic }));
  try {
    return await runTasks({
      graph,
      signatures: options.signatures,
      project,
      // One recipe by its file (-b) is not all that there is.
      isWhole: project.wanted === undefined,
      openRecipe: async (id: RecipeId) => {
        // After a cached parse nothing is evaluated yet, and evaluating may take Python.
        await project.prepare([id]);
        const d = project.openRecipe(id).createCopy();
        // The moment of the build; never part of a signature.
        const [date, time] = dateAndTime(started);
        d.setVar("DATE", date);
        d.setVar("TIME", time);
        if (d.getVar("BUILDNAME", { expand: false }) === undefined) d.setVar("BUILDNAME", "${DATE}${TIME}");
        return d;
      },
      store: push ? push.over(store) : store,
      stamps: options.stamps,
      settings: {
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
      },
      setscene: request.setscene,
      ...(options.equivalence && { equivalence: options.equivalence }),
      ...(options.reportOutput && { reportOutput: options.reportOutput }),
      ...(scene && { scene }),
      ...(allowed && { mayRun: allowed }),
      keepGoing: request.keepGoing,
      dryRun: request.dryRun,
      changedInputs: (task, d) =>
        changedInputs({ ...context, graph, signatures: options.signatures, files: options.files }, task, d),
      prepareTask: async (task, d) => {
        const { recipe } = graph.node(task);
        await hostTools(multiconfigOf(recipe));
        await feeds.write(task, d);
        await tellTask("TaskStarted", task, d);
      },
      taskEnded: async (task, d, { failed, logPath }) => {
        await tellTask(failed ? "TaskFailed" : "TaskSucceeded", task, d, logPath);
        await withPython(python.open, () => trace.ended(graph.node(task).task, d, failed));
      },
      runPython: python.runTask,
      openPython: python.open,
      stop: request.stop,
      kill: request.kill,
      onDisks: (seen) => options.events?.disks(seen),
      onEvent: (event) => {
        options.onEvent(event);
        options.events?.queue(event, graph, options.signatures);
      },
    });
  } finally {
    const pushed = await push?.finish();
    if (!request.dryRun) traffic.tell(onEvent, pushed);
  }
}
