/**
 * TSBAKE_CHECK_READS: a body that reads below TMPDIR what none of its needs has left is an error. With such a file the build
 * depends on what happened to be there: where everything above was restored, it would not be.
 *
 * A task may read what it wrote itself, what the tasks that it needs directly wrote, and within its recipe also what those
 * needed that have no artifact: they run whenever the task does, and what they need is there by then. Files that nobody is
 * known to have written, the engine's own among them, are everybody's.
 */
import { realpathSync, rmSync } from "node:fs";
import { basename, dirname, join, relative } from "node:path";
import { BuildError, byText, hasCode, lastLines, makeFolder, messageOf, run } from "@tsbake/base";
import type { Diagnostic } from "@tsbake/base";
import type { TaskGraph, TaskId } from "@tsbake/graph";
import type { RecipeId, RecipeInfo } from "@tsbake/recipe";
import { findProgram } from "@tsbake/sandbox";
import { cannotCheckReads, undeclaredRead } from "../problems.js";
import { readTrace, TRACE_ARGUMENTS, TraceReader } from "./trace.js";
import { filesBelow, WrittenFiles, type TaskKey } from "./written.js";

export interface ReadCheckOptions {
  readonly graph: TaskGraph;
  readonly recipes: ReadonlyMap<RecipeId, RecipeInfo>;
  readonly tmpdir: (recipe: RecipeId) => string;
}

/** One body that is looked at. */
export interface WatchedBody {
  /** Words in front of a command of the body. */
  words(): readonly string[];
  /**
   * After the body, before anything of it is kept.
   *
   * @param cleaned [cleandirs]: what was there is gone before anything is read
   */
  ended(cleaned: readonly string[]): Promise<readonly Diagnostic[]>;
}

/** @throws BuildError `run/cannot-check-reads` */
export async function openReadCheck(options: ReadCheckOptions): Promise<ReadCheck> {
  const strace = findProgram("strace");
  if (strace === undefined) throw new BuildError([cannotCheckReads("there is no program `strace`")]);
  // A program with the set-user-id bit, such as newuidmap, has no rights while it is traced.
  if (process.getuid?.() !== 0) throw new BuildError([cannotCheckReads("only root can do it")]);
  const trial = await run(strace, [...TRACE_ARGUMENTS, "-o", "/dev/null", "/bin/true"], {
    mayFail: true,
  });
  if (trial.code !== 0) throw new BuildError([cannotCheckReads(lastLines(trial.stderr, 1))]);
  return new ReadCheck(strace, options);
}

export class ReadCheck {
  readonly #strace: string;
  readonly #options: ReadCheckOptions;
  /** By TMPDIR, real. */
  readonly #written = new Map<string, WrittenFiles>();
  #count = 0;

  constructor(strace: string, options: ReadCheckOptions) {
    this.#strace = strace;
    this.#options = options;
  }

  /** @param folder the recipe's work folder, if it has one */
  async begin(task: TaskId, folder: string | undefined): Promise<WatchedBody> {
    const { recipe } = this.#options.graph.node(task);
    const traces: string[] = [];
    const notes = join(this.#options.tmpdir(recipe), "checked-reads");
    await makeFolder(notes);
    const tmpdir = real(this.#options.tmpdir(recipe));
    const work = folder === undefined ? undefined : real(folder);
    if (work !== undefined) this.#table(tmpdir).lookFirst(work);
    return {
      words: () => {
        const path = join(notes, `trace.${process.pid}.${++this.#count}`);
        traces.push(path);
        return [this.#strace, ...TRACE_ARGUMENTS, "-o", path, "--"];
      },
      ended: async (cleaned) => {
        const reader = new TraceReader();
        for (const path of traces) {
          await readTrace(path, reader);
          rmSync(path, { force: true });
        }
        return this.#judge(task, tmpdir, work, reader, cleaned.map(real));
      },
    };
  }

  #judge(
    task: TaskId,
    tmpdir: string,
    work: string | undefined,
    { reads, writes }: TraceReader,
    cleaned: readonly string[],
  ): readonly Diagnostic[] {
    const table = this.#table(tmpdir);
    const label = this.#options.graph.label(task);
    const mine = this.#key(task);
    const allowed = new Set([mine, ...this.#allowed(task)]);
    /** The first of each writer's files, and how many more. */
    const found = new Map<string, { path: string; more: number }>();
    for (const path of [...reads].flatMap((read) => namesOf(read)).toSorted(byText)) {
      if (!isBelow(path, [tmpdir]) || isBelow(path, cleaned)) continue;
      const writers = table.writersOf(path);
      if (writers.length === 0 || writers.some((key) => allowed.has(key))) continue;
      const writer = table.label(writers[0]!);
      const one = found.get(writer);
      if (one) one.more++;
      else found.set(writer, { path, more: 0 });
    }
    if (work !== undefined) table.lookAgain(work, mine, label);
    for (const path of writes) {
      if (isBelow(path, [tmpdir]) && (work === undefined || !isBelow(path, [work])))
        table.wrote(path, mine, label);
    }
    return [...found].map(([writer, { path, more }]) =>
      undeclaredRead(label, writer, relative(tmpdir, path), more),
    );
  }

  /** What a task has put into its folders, or had put back, and what was installed from there. */
  left(task: TaskId): void {
    const { recipe, task: name } = this.#options.graph.node(task);
    const artifact = this.#options.recipes.get(recipe)!.tasks[name]?.artifact;
    if (!artifact) return;
    const table = this.#table(real(this.#options.tmpdir(recipe)));
    const [key, label] = [this.#key(task), this.#options.graph.label(task)];
    for (const folder of artifact.plain)
      for (const path of filesBelow(real(folder))) table.wrote(path, key, label);
    for (const [index, folder] of artifact.inputs.entries()) {
      const output = artifact.outputs[index];
      for (const path of filesBelow(real(folder))) {
        table.wrote(path, key, label);
        if (output !== undefined)
          table.wrote(join(real(output), relative(real(folder), path)), key, label, true);
      }
    }
  }

  save(): void {
    for (const table of this.#written.values()) table.save();
  }

  #table(tmpdir: string): WrittenFiles {
    let table = this.#written.get(tmpdir);
    if (!table) this.#written.set(tmpdir, (table = new WrittenFiles(join(tmpdir, "checked-reads"))));
    return table;
  }

  /** The same for tasks of two configurations that share a folder. */
  #key(task: TaskId): TaskKey {
    const { recipe, task: name } = this.#options.graph.node(task);
    return `${this.#options.recipes.get(recipe)!.stamp}.${name}`;
  }

  #allowed(task: TaskId): Set<TaskKey> {
    const { graph, recipes } = this.#options;
    const own = graph.node(task).recipe;
    const seen = new Set<TaskId>(graph.needs(task));
    // A set grows while it is walked.
    for (const need of seen) {
      const { recipe, task: name } = graph.node(need);
      const { tasks } = recipes.get(recipe)!;
      const isRestored = tasks[name]?.artifact !== undefined || `${name}_setscene` in tasks;
      const isEmpty = tasks[name]?.noexec === true;
      if (isEmpty || (recipe === own && !isRestored)) for (const next of graph.needs(need)) seen.add(next);
    }
    return new Set([...seen].map((one) => this.#key(one)));
  }
}

function isBelow(path: string, folders: readonly string[]): boolean {
  return folders.some((folder) => path.startsWith(`${folder}/`));
}

/** A name that links lead away from counts as what it is and as what it leads to. */
function namesOf(path: string): readonly string[] {
  const named = join(real(dirname(path)), basename(path));
  const meant = real(path);
  return named === meant ? [named] : [named, meant];
}

/** The path without links, as far as there is something. */
function real(path: string): string {
  try {
    return realpathSync(path);
  } catch (error) {
    if (!hasCode(error, "ENOENT", "ENOTDIR", "EACCES", "ELOOP"))
      throw new Error(messageOf(error), { cause: error });
    const above = dirname(path);
    return above === path ? path : join(real(above), basename(path));
  }
}
