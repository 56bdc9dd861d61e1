/** What the engine does around the body of each task: its inputs, its tools, its closure of the feed, events, the trace of its work. */
import { join } from "node:path";
import type { Datastore } from "@tsbake/datastore";
import type { TaskGraph, TaskId } from "@tsbake/graph";
import { multiconfigOf } from "@tsbake/recipe";
import { withPython, type RunOptions } from "@tsbake/run";
import type { EngineEvent } from "../events.js";
import type { MetadataEvents } from "../metadata/metadata-events.js";
import { linkHostTools } from "../settings/tools.js";
import { WorkTrace } from "../trace/index.js";
import type { BuildContext } from "./context.js";
import type { Feeds } from "./feeds.js";
import { changedInputs } from "./inputs.js";
import type { SignedGraph } from "./sign.js";

/** A signed graph, and what its tasks are given and looked at with. */
export interface TaskHooksRequest extends Pick<SignedGraph, "signatures" | "files"> {
  readonly context: BuildContext;
  readonly graph: TaskGraph;
  readonly feeds: Feeds;
  /** Without it no handler is told. */
  readonly events?: MetadataEvents | undefined;
  readonly onEvent: (event: EngineEvent) => void;
}

type TaskHooks = Required<Pick<RunOptions, "changedInputs" | "prepareTask" | "taskEnded">>;

/** The hooks of one build. Their errors fail the task that they are called for. */
export function taskHooks(options: TaskHooksRequest): TaskHooks {
  const { context, graph, feeds, signatures, files, onEvent } = options;
  const trace = new WorkTrace((diagnostic) => onEvent({ type: "engine-warning", diagnostic }));
  const linkTools = hostTools(context);
  const tell = async (
    kind: "TaskStarted" | "TaskSucceeded" | "TaskFailed",
    id: TaskId,
    d: Datastore,
    logPath?: string,
  ): Promise<void> => {
    const { recipe, task: name } = graph.node(id);
    await options.events?.task(
      kind,
      { recipe, name },
      d,
      logPath ?? join(d.getText("T") ?? "", `log.${name}`),
    );
  };
  return {
    changedInputs: (task, d) => changedInputs({ ...context, graph, signatures, files }, task, d),
    prepareTask: async (task, d) => {
      await linkTools(multiconfigOf(graph.node(task).recipe));
      await feeds.write(task, d);
      await tell("TaskStarted", task, d);
    },
    taskEnded: async (task, d, { failed, logPath }) => {
      await tell(failed ? "TaskFailed" : "TaskSucceeded", task, d, logPath);
      await withPython(context.python.open, () => trace.ended(graph.node(task).task, d, failed));
    },
  };
}

/** Fills the folder with the host's tools of a multiconfig, once for each folder. */
function hostTools({ project, environment }: BuildContext): (multiconfig: string) => Promise<void> {
  const linked = new Map<string, Promise<void>>();
  return (multiconfig) => {
    const text = (name: string) => project.configurationText(name, multiconfig);
    const folder = text("HOSTTOOLS_DIR") ?? join(text("TMPDIR") ?? "", "hosttools");
    const known = linked.get(folder);
    if (known) return known;
    const [required, optional] = [text("HOSTTOOLS"), text("HOSTTOOLS_NONFATAL")];
    const work = linkHostTools({ folder, required, optional, path: environment["PATH"] ?? "" });
    linked.set(folder, work);
    return work;
  };
}
