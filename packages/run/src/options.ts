/** What the run queue is given: the seam to the engine. */
import type { Diagnostic } from "@tsbake/base";
import type { Datastore, PythonError } from "@tsbake/datastore";
import type { Signatures, TaskGraph, TaskId } from "@tsbake/graph";
import type { RecipeId, RecipeInfo } from "@tsbake/recipe";
import type { Store } from "@tsbake/sstate";
import type { DiskFull, DiskSettings, DisksSeen } from "./limits/disk.js";
import type { RunEvent } from "./events.js";
import type { Scheduler } from "./plan/priority.js";
import type { Machine, PressureLimits } from "./limits/pressure.js";
import type { Stamps } from "./outputs/stamps.js";

/**
 * `on`: restore what the store has. `off` (--no-setscene): never restore, and what was restored counts as not built.
 * `skip` (--skip-setscene): what was restored counts, nothing new is restored. `only` (--setscene-only): no body runs.
 */
export type SetsceneMode = "on" | "off" | "skip" | "only";

/** Values of the configuration that steer the queue. */
export interface RunSettings {
  /** BB_NUMBER_THREADS: bodies and restores at a time. */
  readonly threads: number;
  /** `do_fetch[number_threads]` of the configuration: most bodies of that task name at a time. */
  readonly taskThreads?: ReadonlyMap<string, number>;
  /** BB_SCHEDULER: which ready task starts first. Default: `speed`. */
  readonly scheduler?: Scheduler;
  /** BB_NICE_LEVEL: niceness of tasks that have no BB_TASK_NICE_LEVEL. Default: our own. */
  readonly nice?: number;
  /** What of the machine's time others may wait for before no further task starts. */
  readonly pressure?: PressureLimits;
  /** Whom to ask about that; default: the kernel. */
  readonly machine?: Machine;
  /** Disks to look at while tasks run. */
  readonly disks?: DiskSettings;
  /** Folders that a run writes to: when a write fails, the disk of one of them is full. */
  readonly folders: readonly string[];
  /** TMPDIR of a recipe's configuration: manifests of installed artifacts are kept in `<tmpdir>/sstate-control`. */
  readonly tmpdir: (recipe: RecipeId) => string;
  /** What machine and which multiconfig a recipe is of; what is installed for another one is another's. Default: one for all. */
  readonly configuration?: (recipe: RecipeId) => string;
  /** Folder for recorded durations (build/cache). */
  readonly cache: string;
  /** Times in artifacts are clamped to the recipe's SOURCE_DATE_EPOCH; this one where it has none. Seconds. */
  readonly epochSeconds: number;
  /** Output lines become events, and bodies run with `set -x`. */
  readonly verbose: boolean;
  /**
   * There is a terminal on our standard streams that a body with [interactive] may have: what it gets into its environment
   * beside the task's (TERM, SHELL, …). Absent: there is none.
   */
  readonly terminal?: Readonly<Record<string, string>>;
  /** TSBAKE_CHECK_READS: a body that reads what none of its needs has left fails. Default: false. */
  readonly checkReads?: boolean;
  /** Between SIGTERM and SIGKILL, in ms. Default 5000. */
  readonly graceMs?: number;
}

/** How a process ended. */
export interface ProcessEnd {
  /** Exit code; 128 + number when a signal ended it. */
  readonly code: number;
  /** What the runner knows better than the code, e.g. a Python exception with its place. */
  readonly message?: string;
  /** The Python exception that ended it. */
  readonly failure?: PythonError;
  /** Names of processes that it left behind, and that were ended. */
  readonly left?: readonly string[];
}

/** One Python function to run, in a process of its own or in any other way that keeps to `cwd` and `environment`. */
export interface PythonCall {
  readonly function: string;
  /** Task it belongs to, with `do_`; equal to `function` unless that is a prefunc or postfunc. */
  readonly task: string;
  /** The recipe's datastore as the task sees it (override task-NAME, BB_CURRENTTASK, … are in). */
  readonly d: Datastore;
  /** Where the runner writes what it executes (`${T}/run.do_x.<pid>`), so that it can be repeated by hand. */
  readonly scriptPath: string;
  readonly cwd: string;
  /** Octal digits, e.g. `022`; the runner sets it in its process. */
  readonly umask: string | undefined;
  /** The exported variables: the whole environment of the process. */
  readonly environment: Readonly<Record<string, string>>;
  /**
   * Runs a program as the task's process and waits for it: own session, standard input empty, both outputs in the log,
   * without network unless the task may, under fakeroot when the task wants, killed when the build is stopped.
   * Its file descriptor 3 takes messages for the user: `LEVEL TEXT` and a NUL byte, LEVEL as in `TaskMessage`.
   */
  start(
    command: string,
    args: readonly string[],
    options?: { readonly environment?: Readonly<Record<string, string>> },
  ): Promise<ProcessEnd>;
  /**
   * bb.build.exec_func: another function of the recipe, with `d` as it is now and its own flags.
   *
   * @param dirs instead of the function's [dirs]
   * @returns the exit code
   */
  runFunction(name: string, d: Datastore, dirs?: readonly string[]): Promise<number>;
  /** bb.parse.siggen.report_unihash. @returns the unihash from now on; undefined: as it was */
  reportOutput(task: string, method: string, outhash: string): Promise<string | undefined>;
  /** For a runner that has messages without a process of its own. */
  onMessage(level: "debug" | "note" | "plain" | "warning" | "error", text: string): void;
  /** bb.progress: 0 to 100. */
  onProgress(percent: number): void;
  /** Appends text to the task's log. */
  log(text: string): void;
}
/** @throws BuildError, or ends with a code other than 0, when the function failed */
export type PythonRunner = (call: PythonCall) => Promise<ProcessEnd>;

/** What metadata's own setscene tasks (`do_x_setscene`) need; docs/language.md 18. */
export interface SceneOptions {
  /** Tasks that must be restored before `task` is: [depends] of its setscene task. */
  hardNeeds(task: TaskId): readonly TaskId[];
  /** BB_HASHCHECK_FUNCTION: which of these can be restored. `current`: how many need no answer. */
  find(tasks: readonly TaskId[], current: number): Promise<ReadonlySet<TaskId>>;
  /**
   * BB_SETSCENE_DEPVALID: whether `task` is superfluous, all of `above` being covered.
   *
   * @throws an error with code `python/needed` when Python is not open
   */
  isNotNeeded(task: TaskId, above: readonly TaskId[], notNeeded: readonly TaskId[]): boolean;
  /** Targets of `-f`: they run, whatever could be restored. */
  readonly forced: ReadonlySet<TaskId>;
}

export interface RunOptions {
  readonly graph: TaskGraph;
  readonly signatures: Signatures;
  readonly project: { readonly recipes: ReadonlyMap<RecipeId, RecipeInfo> };
  /** `project` has all recipes of the metadata: what others have installed is of recipes that are no more. */
  readonly isWhole?: boolean;
  /** Asked only for tasks whose body runs, never for restored ones. The datastore is copied, never changed. */
  readonly openRecipe: (id: RecipeId) => Datastore | Promise<Datastore>;
  readonly store: Store;
  /** The same object that signing took the taints from; `-f` and `-C` have already tainted through it. */
  readonly stamps: Stamps;
  readonly settings: RunSettings;
  readonly setscene: SetsceneMode;
  /**
   * Output equivalence, with handlers that have it: called when the artifact of a task is packed.
   *
   * @param artifact path of the packed artifact, which is the same for the same output
   * @returns the unihash that the task has from now on
   */
  readonly equivalence?: (task: TaskId, artifact: string) => Promise<string>;
  /** The same for tasks whose metadata says itself what came out, and how that was hashed. @returns their unihash */
  readonly reportOutput?: (task: TaskId, method: string, outhash: string) => Promise<string>;
  /** Present when the graph has tasks with a setscene task of the metadata's own: then BitBake's rules decide. */
  readonly scene?: SceneOptions;
  /** BB_SETSCENE_ENFORCE: a task that would run is an error, unless this says it may; those that may are not executed. */
  readonly mayRun?: (task: TaskId) => boolean;
  readonly keepGoing: boolean;
  /** Plan, decide, report every task as started and finished, execute nothing, write nothing. */
  readonly dryRun: boolean;
  /**
   * What of a task's inputs is not what was signed any more: asked before a body starts, with the recipe as it will be
   * executed, and again before stamp and artifact. Such a task fails.
   */
  readonly changedInputs?: (task: TaskId, recipe: Datastore | undefined) => Promise<readonly Diagnostic[]>;
  /** Called before a body starts, with the task's datastore; not in a dry run. Its errors fail the task. */
  readonly prepareTask?: (task: TaskId, d: Datastore) => Promise<void>;
  /** Called after the last function of a body, with the task's datastore. Its errors fail the task. */
  readonly taskEnded?: (
    task: TaskId,
    d: Datastore,
    end: { readonly failed: boolean; readonly logPath: string | undefined },
  ) => Promise<void>;
  readonly runPython: PythonRunner;
  /** Awaited when an expansion says that it needs Python; then it is tried again. */
  readonly openPython?: () => Promise<void>;
  /** First Ctrl-C: nothing new starts, what runs is waited for. */
  readonly stop?: AbortSignal;
  /** Second Ctrl-C: process groups get SIGTERM, SIGKILL after the grace. */
  readonly kill?: AbortSignal;
  readonly onEvent: (event: RunEvent) => void;
  /** Told of every look at watched disks, and when one stops the run. Must not throw. */
  readonly onDisks?: ((seen: DisksSeen | DiskFull) => void) | undefined;
}
