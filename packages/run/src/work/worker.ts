/** Doing one task, from start to stamp. The stamp is always last: what it promises is on disk before it. */
import { join } from "node:path";
import { isDiskProblem, messageOf, readTextIfThere, words } from "@tsbake/base";
import { isFlagTrue } from "@tsbake/datastore";
import type { Datastore } from "@tsbake/datastore";
import { writeRecord } from "@tsbake/graph";
import type { TaskId } from "@tsbake/graph";
import type { TaskInfo } from "@tsbake/recipe";
import { objectName, restoreArtifact, saveArtifact } from "../outputs/artifact.js";
import type { RestoreFault, RunEvent, TaskFailure } from "../events.js";
import { executeBody, taskDatastore } from "../body/execute.js";
import type { BodyResult } from "../body/execute.js";
import type { Executor } from "../body/types.js";
import { diagnosticsOf, asWarning } from "../failure.js";
import type { RunOptions } from "../options.js";
import type { ReadCheck, WatchedBody } from "../reads/index.js";
import { cannotStore, refusedArtifact, restoreFailed, socketLeftOut } from "../problems.js";
import { withPython } from "../body/python-needed.js";
import { asText } from "../body/shell-script.js";
import { Doubts } from "../outputs/doubt.js";
import type { SharedFolders } from "../outputs/shared-folders.js";
import { writeTaskDependencies } from "../body/task-dependencies.js";
import { foldersGone, type FolderGone } from "./folders-gone.js";
import type { PlannedTask } from "./planned-task.js";
import { Records } from "./records.js";
import { Stamping } from "./stamping.js";

export class Worker {
  readonly #options: RunOptions;
  readonly #executor: Executor;
  readonly #shared: SharedFolders;
  readonly #doubts: Doubts;
  readonly #emit: (event: RunEvent) => void;
  readonly #onNewSignatures: (tasks: readonly TaskId[]) => void;
  readonly #stamping: Stamping;
  readonly #records: Records;
  /** By task, until its body runs. */
  readonly #opened = new Map<TaskId, Datastore>();
  /** TSBAKE_CHECK_READS */
  readonly #reads: ReadCheck | undefined;

  /** @param onNewSignatures told of all tasks whose signatures are others since one of them has another unihash */
  constructor(
    options: RunOptions,
    executor: Executor,
    shared: SharedFolders,
    emit: (event: RunEvent) => void,
    onNewSignatures: (tasks: readonly TaskId[]) => void,
    reads?: ReadCheck,
  ) {
    this.#options = options;
    this.#executor = executor;
    this.#reads = reads;
    this.#shared = shared;
    this.#doubts = new Doubts(options, emit);
    this.#stamping = new Stamping(options);
    this.#records = new Records(options, emit);
    this.#emit = emit;
    this.#onNewSignatures = onNewSignatures;
  }

  /** Which of these tasks of the same recipe have left folders that are not there any more. */
  async findGone(task: PlannedTask, earlier: readonly PlannedTask[]): Promise<FolderGone[]> {
    if (earlier.length === 0) return [];
    const { openPython, settings } = this.#options;
    try {
      const d = await this.#open(task);
      const tmpdir = settings.tmpdir(task.recipe.id);
      return await withPython(openPython, () => foldersGone(earlier, d, tmpdir));
    } catch (error) {
      // The body meets the same mistake and tells it.
      if (diagnosticsOf(error, task.label, settings.folders)) return [];
      throw error;
    }
  }

  /** The recipe of a task that is about to run: looked at before, and opened once. */
  async #open(task: PlannedTask): Promise<Datastore> {
    let opened = this.#opened.get(task.task);
    if (!opened) this.#opened.set(task.task, (opened = await this.#options.openRecipe(task.recipe.id)));
    return opened;
  }

  /** Executes the body, saves and installs the artifact, stamps. @returns what went wrong, or undefined */
  async run(task: PlannedTask): Promise<TaskFailure | undefined> {
    const { name, label } = task;
    let result: BodyResult | undefined;
    try {
      const base = await this.#open(task);
      this.#opened.delete(task.task);
      const changed = await this.#changedInputs(task, base);
      if (changed) return changed;
      this.#begin(task);
      const d = taskDatastore(base, name, task.signature);
      const watch = await this.#watch(task.task, d);
      result = await executeBody(this.#executor, {
        task: task.task,
        label,
        function: name,
        d,
        watch,
        prepare: (folder) => this.#prepare(task.task, name, d, folder),
        reportOutput: (reported, method, outhash) => this.#reportOutput(task, reported, method, outhash),
      });
      const failed = result.diagnostics.length > 0;
      await this.#options.taskEnded?.(task.task, d, { failed, logPath: result.logPath });
      const undeclared =
        (await watch?.ended(words(asText(d.getVarFlag(name, "cleandirs", { expand: true }))))) ?? [];
      if (failed) return { ...this.#failure(task, result), diagnostics: result.diagnostics };
      if (undeclared.length > 0) return { ...this.#failure(task, result), diagnostics: undeclared };
      const changedSince = await this.#changedInputs(task, undefined);
      if (changedSince) return changedSince;
      await this.#keep(task, base, d);
      this.#reads?.left(task.task);
      return undefined;
    } catch (error) {
      const diagnostics = diagnosticsOf(error, label, this.#options.settings.folders);
      if (!diagnostics) throw error;
      return { ...this.#failure(task, result), diagnostics };
    }
  }

  /** Neither stamp nor artifact may say that other inputs made them. */
  async #changedInputs(task: PlannedTask, base: Datastore | undefined): Promise<TaskFailure | undefined> {
    const diagnostics =
      (await withPython(this.#options.openPython, () => this.#options.changedInputs?.(task.task, base))) ??
      [];
    return diagnostics.length === 0 ? undefined : { ...this.#failure(task, undefined), diagnostics };
  }

  async #reportOutput(
    { task, name, recipe }: PlannedTask,
    reported: string,
    method: string,
    outhash: string,
  ): Promise<string | undefined> {
    // Only what can be restored: nobody asks for the output of others.
    if (name !== `do_${reported}` || !Object.hasOwn(recipe.tasks, `${name}_setscene`)) return undefined;
    const unihash = await this.#options.reportOutput?.(task, method, outhash);
    if (unihash === undefined) return undefined;
    const changed = this.#options.signatures.settle(task, unihash);
    if (changed.length > 0) this.#onNewSignatures(changed);
    return unihash;
  }

  /**
   * Puts the artifact back and installs it, or lets the metadata's own setscene task do so.
   *
   * @returns `missing` when the store cannot give it: the body has to run instead
   */
  async restore(task: PlannedTask): Promise<"done" | "missing" | TaskFailure> {
    const { recipe, name, label } = task;
    const { store } = this.#options;
    const { artifact } = task.info;
    if (!artifact) return this.#runSetscene(task);
    let restored: string | undefined;
    try {
      this.#begin(task);
      const object = objectName(recipe, name, task.signature.unihash);
      restored = await restoreArtifact(store, object, artifact, (error) => {
        const { folders } = this.#options.settings;
        const diagnostic = asWarning(error, label, folders, (reason) => refusedArtifact(label, reason));
        if (diagnostic) this.#emit({ type: "warning", diagnostic });
      });
      if (restored === undefined) return this.#missing(task, "it is not there any more, or damaged", "gone");
    } catch (error) {
      const diagnostics = diagnosticsOf(error, label, this.#options.settings.folders);
      if (!diagnostics) throw error;
      // The body would not get further.
      if (diagnostics.some(isDiskProblem)) return { ...this.#failure(task, undefined), diagnostics };
      return this.#missing(task, messageOf(error));
    }
    try {
      await this.#shared.install(recipe, name, label);
      this.#reads?.left(task.task);
      this.#stamping.restored(task);
      const description = `${restored}.siginfo`;
      this.#records.add(task, () => readTextIfThere(description));
      return "done";
    } catch (error) {
      const diagnostics = diagnosticsOf(error, label, this.#options.settings.folders);
      if (!diagnostics) throw error;
      return { ...this.#failure(task, undefined), diagnostics };
    }
  }

  /** The body of `do_x_setscene`. Whatever goes wrong with it, the real task runs instead. */
  async #runSetscene(task: PlannedTask): Promise<"done" | "missing"> {
    const { recipe, name, label } = task;
    const body = `${name}_setscene`;
    try {
      this.#begin(task);
      const d = taskDatastore(await this.#options.openRecipe(recipe.id), body, task.signature);
      const watch = await this.#watch(task.task, d);
      const { diagnostics } = await executeBody(this.#executor, {
        task: task.task,
        label: `${label}_setscene`,
        function: body,
        d,
        watch,
        prepare: (folder) => this.#prepare(task.task, body, d, folder),
      });
      // What it has written is its task's; what it reads is not below TMPDIR.
      await watch?.ended([]);
      if (diagnostics.length > 0) {
        return this.#missing(task, diagnostics.map(({ message }) => message).join("; "));
      }
      this.#stamping.restored(task);
      return "done";
    } catch (error) {
      if (!diagnosticsOf(error, label, this.#options.settings.folders)) throw error;
      return this.#missing(task, messageOf(error));
    }
  }

  /** [noexec]: nothing but a stamp. */
  stamp(task: PlannedTask, how: "real" | "setscene" = "real"): void {
    if (task.info.nostamp) return;
    this.#options.stamps.finish(task.recipe, task.name, task.signature.unihash, how);
    // Without its variables: nobody has opened the recipe, and nothing of it is executed.
    this.#records.add(task, async () => writeRecord(await this.#options.signatures.explain(task.task)));
  }

  async #watch(task: TaskId, d: Datastore): Promise<WatchedBody | undefined> {
    if (!this.#reads) return undefined;
    const folder = await withPython(this.#options.openPython, () => d.getText("WORKDIR"));
    return this.#reads.begin(task, folder);
  }

  /** Before the first task. @param todo what runs or will run, whenever it is asked */
  open(todo: () => readonly TaskId[]): void {
    this.#doubts.open(todo);
  }

  /** Waits for what is written in the background, and until all is on the disk. */
  async close(): Promise<void> {
    this.#reads?.save();
    await this.#records.close();
    await this.#doubts.close();
  }

  /** Signatures have changed. @returns whether stamps that this run took away are right again */
  restamp(): boolean {
    return this.#stamping.restamp();
  }

  #begin(task: PlannedTask): void {
    this.#doubts.begin(task.recipe);
    this.#shared.mark(task.recipe);
    this.#stamping.begin(task);
  }

  async #prepare(task: TaskId, name: string, d: Datastore, folder: string): Promise<void> {
    await this.#options.prepareTask?.(task, d);
    if (asText(d.getVarFlag(name, "taskdepdata")) !== "1") return;
    const { graph, signatures, project, settings } = this.#options;
    await writeTaskDependencies(folder, task, {
      graph,
      signatures,
      recipes: project.recipes,
      tmpdir: settings.tmpdir,
    });
  }

  /** After a good body: artifact, installation, stamp, in this order. */
  async #keep(task: PlannedTask, base: Datastore, d: Datastore): Promise<void> {
    const { recipe, name, label, info } = task;
    if (info.artifact) {
      if (!info.nostamp) await this.#save(task, info.artifact, base, d);
      await this.#shared.install(recipe, name, label);
    }
    if (isFlagTrue(d, name, "uninstall")) await this.#shared.uninstall(recipe);
    if (info.nostamp) return;
    // With the unihash that its output has given it.
    const settled = { ...task, signature: this.#options.signatures.of(task.task) };
    this.#stamping.done(settled);
    this.#records.add(settled, () => this.#explain(task, base));
  }

  /** A store that cannot take the artifact is a warning, not a failure. */
  async #save(
    task: PlannedTask,
    artifact: NonNullable<TaskInfo["artifact"]>,
    base: Datastore,
    d: Datastore,
  ): Promise<void> {
    const { recipe, name, label } = task;
    try {
      await saveArtifact(this.#options.store, {
        artifact,
        temporary: join(
          d.getText("T") ?? this.#options.settings.tmpdir(recipe.id),
          `artifact.${name}.${process.pid}`,
        ),
        epochSeconds: Number(d.getText("SOURCE_DATE_EPOCH")) || this.#options.settings.epochSeconds,
        onSocket: (path) => this.#emit({ type: "warning", diagnostic: socketLeftOut(label, path) }),
        settle: async (path) => {
          const unihash = (await this.#options.equivalence?.(task.task, path)) ?? task.signature.unihash;
          const changed = this.#options.signatures.settle(task.task, unihash);
          if (changed.length > 0) this.#onNewSignatures(changed);
          return {
            name: objectName(recipe, name, unihash),
            description: await this.#explain(task, base),
          };
        },
      });
    } catch (error) {
      const diagnostic = asWarning(error, label, this.#options.settings.folders, (reason) =>
        cannotStore(label, reason),
      );
      if (!diagnostic) throw error;
      this.#emit({ type: "warning", diagnostic });
    }
  }

  async #explain(task: PlannedTask, base: Datastore): Promise<string> {
    return writeRecord(
      await withPython(this.#options.openPython, () => this.#options.signatures.explain(task.task, base)),
    );
  }

  #missing(task: PlannedTask, why: string, reason: RestoreFault = "unusable"): "missing" {
    const { task: id, label } = task;
    this.#emit({ type: "restore-failed", task: id, label, reason, diagnostic: restoreFailed(label, why) });
    return "missing";
  }

  #failure(task: PlannedTask, result: BodyResult | undefined): Omit<TaskFailure, "diagnostics"> {
    return {
      task: task.task,
      label: task.label,
      stopped: this.#executor.processes.killing,
      ...(result?.exitCode !== undefined && { exitCode: result.exitCode }),
      ...(result?.logPath !== undefined && { logPath: result.logPath }),
      ...(result?.scriptPath !== undefined && { scriptPath: result.scriptPath }),
    };
  }
}
