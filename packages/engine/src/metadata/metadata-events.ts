/**
 * Events for the handlers of metadata, around and during a build: what BitBake's cooker, run queue and task processes fire.
 * Nothing is evaluated, and Python is not opened, for events that no handler listens to.
 *
 * @see BitBake 2.19 lib/bb/event.py, lib/bb/build.py (task events), lib/bb/runqueue.py (queue events)
 */
import { BuildError, every } from "@tsbake/base";
import type { Diagnostic, Repetition } from "@tsbake/base";
import { hasHandler } from "@tsbake/datastore";
import type { Datastore } from "@tsbake/datastore";
import type { Signatures, TaskGraph, TaskId } from "@tsbake/graph";
import { multiconfigOf, splitMulticonfig } from "@tsbake/recipe";
import type { ParsedProject, RecipeId } from "@tsbake/recipe";
import { staleStamps } from "@tsbake/run";
import type { DiskFull, DisksSeen, RunEvent, RunSummary } from "@tsbake/run";

/** Without BB_HEARTBEAT_EVENT. */
const HEARTBEAT_SECONDS = 1;

/** What is fired while tasks run, when it is too late to open Python. */
const BETWEEN = ["bb.runqueue.*", "bb.event.MonitorDiskEvent", "bb.event.DiskFull"];

/** Problems that handlers are told of, by their codes. */
const DIAGNOSED: Readonly<Record<string, string>> = {
  "recipe/multiple-providers": "bb.event.MultipleProviders",
  "recipe/multiple-runtime-providers": "bb.event.MultipleProviders",
  "recipe/nothing-provides": "bb.event.NoProvider",
  "recipe/nothing-rprovides": "bb.event.NoProvider",
};

/** What the events of one build tell. */
interface BuildFacts {
  readonly name: string;
  /** `recipe:do_task` of each target. */
  readonly targets: readonly string[];
}

export class MetadataEvents {
  readonly #project: ParsedProject;
  readonly #started = new Date();
  /** The configurations as handlers see them: what one sets, the later ones find. */
  readonly #data = new Map<string, Datastore>();
  #heartbeat: Repetition | undefined;
  #build: BuildFacts | undefined;
  #late: { readonly error: unknown } | undefined;
  readonly #noted: { readonly eventClass: string; readonly facts: Readonly<Record<string, unknown>> }[] = [];

  constructor(project: ParsedProject) {
    this.#project = project;
  }

  /** Before the graph is made. */
  async buildInit(): Promise<void> {
    await this.#fire("bb.event.BuildInit", { _name: null, _pkgs: [], _failures: 0 }, [""]);
    await this.#fire("bb.event.TreeDataPreparationStarted", { msg: "Preparing tree data Started" }, [""]);
    for (const multiconfig of this.#project.multiconfigs) {
      if (!this.#project.listens("bb.event.ReachableStamps", multiconfig)) continue;
      const own = [...this.#project.recipes.values()].filter(({ id }) => multiconfigOf(id) === multiconfig);
      const stamps = Object.fromEntries(own.map(({ id, stamp }) => [id, stamp]));
      await this.#fire("bb.event.ReachableStamps", { stamps }, [multiconfig]);
    }
  }

  /** Something that handlers may want to know; they are told after {@link noting}. */
  note({ code, facts }: Diagnostic): void {
    const eventClass = DIAGNOSED[code];
    if (eventClass && facts) this.#noted.push({ eventClass, facts });
  }

  /** Does `work`, in which no handler can be called, and tells them then: NoProvider, MultipleProviders. */
  async noting<Result>(work: () => Promise<Result>): Promise<Result> {
    try {
      return await work();
    } catch (error) {
      if (error instanceof BuildError) for (const one of error.diagnostics) this.note(one);
      throw error;
    } finally {
      for (const { eventClass, facts } of this.#noted.splice(0)) {
        const { multiconfig, name } = splitMulticonfig(String(facts["_item"]));
        await this.#fire(eventClass, { ...facts, _item: name }, [multiconfig]);
      }
    }
  }

  /** @param graph of what is to be built */
  async buildStarted(graph: TaskGraph): Promise<void> {
    const targets = graph.targets.map((task) => graph.label(task));
    const total = targets.length;
    await this.#fire("bb.event.TreeDataPreparationCompleted", { total, msg: "" }, [""]);
    this.#build = { name: dateAndTime(this.#started).join(""), targets };
    const { name } = this.#build;
    const attributes = { _name: name, _pkgs: targets, _failures: 0, msg: "Building Started" };
    await this.#fire("bb.event.BuildStarted", attributes);
    const listening = this.#project.multiconfigs.filter((one) =>
      this.#project.listens("bb.event.HeartbeatEvent", one),
    );
    if (listening.length > 0) {
      await this.#project.prepareEvents();
      const beat = () => this.#fireBetween("bb.event.HeartbeatEvent", { time: Date.now() / 1000 });
      const seconds = Number(this.#project.configurationText("BB_HEARTBEAT_EVENT")) || HEARTBEAT_SECONDS;
      const onError = (error: unknown): void => void (this.#late ??= { error });
      this.#heartbeat = every(seconds * 1000, beat, { onError, keepsAlive: false });
    }
    if (BETWEEN.some((name) => this.#listensTo(name))) await this.#project.prepareEvents();
  }

  /** Tasks that can be restored and have stamps of other signatures: metadata takes away what those have installed. */
  async staleTasks(graph: TaskGraph, signatures: Signatures): Promise<void> {
    for (const multiconfig of this.#project.multiconfigs) {
      if (!this.#project.listens("bb.event.StaleSetSceneTasks", multiconfig)) continue;
      const tasks: Record<string, string[]> = {};
      for (const id of graph.order) {
        const { recipe, task } = graph.node(id);
        const info = this.#project.recipes.get(recipe)!;
        const isRestorable = info.tasks[task]!.artifact !== undefined || `${task}_setscene` in info.tasks;
        if (multiconfigOf(recipe) !== multiconfig || !isRestorable) continue;
        const stamps = staleStamps(info, task, signatures.of(id).unihash);
        if (stamps.length > 0) tasks[id] = stamps;
      }
      if (Object.keys(tasks).length > 0)
        await this.#fire("bb.event.StaleSetSceneTasks", { tasks }, [multiconfig]);
    }
  }

  /** @throws what a handler threw that nobody waited for */
  async buildCompleted(summary: RunSummary): Promise<void> {
    this.#heartbeat?.stop();
    if (this.#late) throw this.#late.error;
    if (!this.#build) return;
    const failures = summary.failed.length;
    await this.#fire("bb.event.BuildCompleted", {
      _name: this.#build.name,
      _pkgs: this.#build.targets,
      _failures: failures,
      _interrupted: summary.interrupted ? 1 : 0,
      total: summary.total,
      msg: failures === 0 ? "Building Succeeded" : "Building Failed",
    });
    this.#build = undefined;
  }

  /** The command ends. */
  async exit(): Promise<void> {
    this.#heartbeat?.stop();
    await this.#fire("bb.cooker.CookerExit", {}, [""]);
  }

  /**
   * The task's own datastore is what handlers get, with the functions of its recipe.
   *
   * @throws BuildError of a handler
   */
  async task(
    kind: "TaskStarted" | "TaskSucceeded" | "TaskFailed",
    task: { readonly recipe: RecipeId; readonly name: string },
    d: Datastore,
    logPath: string,
  ): Promise<void> {
    const eventClass = `bb.build.${kind}`;
    if (!hasHandler(d, eventClass)) return;
    await this.#project.prepareEvents();
    const text = (name: string) => d.getText(name) ?? null;
    const shown = kind.slice("Task".length);
    const attributes = {
      _task: task.name,
      _fn: task.recipe,
      _package: text("PF"),
      _mc: multiconfigOf(task.recipe),
      taskfile: text("FILE"),
      taskname: task.name,
      logfile: logPath,
      time: Date.now() / 1000,
      pn: text("PN"),
      pv: text("PV"),
      _message: `recipe ${text("PF")}: task ${task.name}: ${shown}`,
      ...(kind === "TaskStarted" ? { taskflags: flagsOf(d, task.name) } : {}),
      ...(kind === "TaskFailed" ? { errprinted: false } : {}),
    };
    this.#project.fireRecipeEvent({ eventClass, attributes }, task.recipe, d);
  }

  /** The run queue's events. */
  queue(event: RunEvent, graph: TaskGraph, signatures: Signatures): void {
    const name = queueEvent(event);
    if (name === undefined || !("task" in event)) return;
    const { recipe, task } = graph.node(event.task);
    const multiconfig = multiconfigOf(recipe);
    const eventClass = `bb.runqueue.${name}`;
    if (!this.#project.listens(eventClass, multiconfig)) return;
    const suffix = name.startsWith("scene") ? "_setscene" : "";
    const attributes = {
      taskid: event.task,
      taskstring: event.task + suffix,
      taskname: task + suffix,
      taskfile: recipe,
      taskhash: signatures.of(event.task as TaskId).taskHash,
      noexec: event.type === "task-skipped" && event.reason === "noexec",
      ...(event.type === "task-failed" ? { exitcode: event.failure.exitCode ?? 1 } : {}),
      ...(event.type === "task-skipped"
        ? { reason: event.reason === "covered" ? "covered" : "existing" }
        : {}),
    };
    this.#project.fireEvent({ eventClass, attributes }, multiconfig, this.#dataOf(multiconfig));
  }

  /** What the disk monitor saw. BitBake names a disk by its device, we by a folder on it. */
  disks(event: DisksSeen | DiskFull): void {
    if (event.type === "disks") {
      const usage = event.disks.map(({ folder, available, free, size }) => [folder, [available, free, size]]);
      this.#fireBetween("bb.event.MonitorDiskEvent", { disk_usage: Object.fromEntries(usage) });
      return;
    }
    const { folder, what, free } = event;
    const kind = what === "bytes" ? "disk" : "inode";
    this.#fireBetween("bb.event.DiskFull", { _dev: folder, _type: kind, _free: free, _mountpoint: folder });
  }

  /** While tasks run, and from where an error would end the process: the end of the build tells it. */
  #fireBetween(eventClass: string, attributes: Readonly<Record<string, unknown>>): void {
    for (const multiconfig of this.#project.multiconfigs) {
      if (this.#late || !this.#project.listens(eventClass, multiconfig)) continue;
      try {
        const event = { eventClass, attributes: { pid: process.pid, ...attributes } };
        this.#project.fireEvent(event, multiconfig, this.#dataOf(multiconfig));
      } catch (error) {
        this.#late = { error };
      }
    }
  }

  async #fire(
    eventClass: string,
    attributes: Readonly<Record<string, unknown>>,
    multiconfigs = this.#project.multiconfigs,
  ): Promise<void> {
    for (const multiconfig of multiconfigs) {
      if (!this.#project.listens(eventClass, multiconfig)) continue;
      await this.#project.prepareEvents();
      const event = { eventClass, attributes: { pid: process.pid, ...attributes } };
      this.#project.fireEvent(event, multiconfig, this.#dataOf(multiconfig));
    }
  }

  #listensTo(eventClass: string): boolean {
    return this.#project.multiconfigs.some((one) => this.#project.listens(eventClass, one));
  }

  /** A copy with the moment of the build in it, which recipes must not see. */
  #dataOf(multiconfig: string): Datastore {
    const known = this.#data.get(multiconfig);
    if (known) return known;
    const d = this.#project.configuration(multiconfig).createCopy();
    const [date, time] = dateAndTime(this.#started);
    if (d.getVar("BUILDNAME", { expand: false }) === undefined) d.setVar("BUILDNAME", "${DATE}${TIME}");
    const [year, month, day] = [date.slice(0, 4), date.slice(4, 6), date.slice(6)];
    d.setVar("BUILDSTART", `${month}/${day}/${year} ${time.replace(/(..)(..)(..)/, "$1:$2:$3")}`);
    d.setVar("DATE", date);
    d.setVar("TIME", time);
    this.#data.set(multiconfig, d);
    return d;
  }
}

/** `YYYYMMDD` and `HHMMSS`, UTC, as OE's DATE and TIME. */
export function dateAndTime(moment: Date): [date: string, time: string] {
  const digits = moment.toISOString().replace(/[^0-9]/g, "");
  return [digits.slice(0, 8), digits.slice(8, 14)];
}

function queueEvent(event: RunEvent): string | undefined {
  if (event.type === "task-started")
    return event.how === "restore" ? "sceneQueueTaskStarted" : "runQueueTaskStarted";
  if (event.type === "task-finished") return "runQueueTaskCompleted";
  if (event.type === "task-failed") return "runQueueTaskFailed";
  if (event.type === "restore-failed") return "sceneQueueTaskFailed";
  if (event.type !== "task-skipped") return undefined;
  return event.reason === "restored" ? "sceneQueueTaskCompleted" : "runQueueTaskSkipped";
}

function flagsOf(d: Datastore, task: string): Record<string, string> {
  const flags = [...(d.getVarFlags(task) ?? [])];
  return Object.fromEntries(
    flags.flatMap(([name, value]) => (typeof value === "string" ? [[name, value]] : [])),
  );
}
