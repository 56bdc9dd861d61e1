/** Statements into a datastore, in order: assignments, includes, classes, functions, tasks. */
import type { Diagnostic } from "@tsbake/base";
import type { ParsedFile } from "@tsbake/language";
import type { Datastore } from "./datastore.js";
import type { PythonHost } from "./python-host.js";

/** What evaluation needs from outside. The room `recipe` implements it and keeps the file cache and the dependency list. */
export interface EvaluationHost {
  /**
   * The parsed file at an absolute path, or undefined when there is none. Called for every candidate of a search, so
   * that a file that appears later in an earlier place is noticed.
   */
  load(path: string): ParsedFile | undefined;
  python(): PythonHost;
  warn(diagnostic: Diagnostic): void;
}

/**
 * Evaluates `file` (and what it includes and inherits) into `d`.
 *
 * @throws BuildError for what stops the file: a missing required file or class, an error of the parse, a Python error,
 *   old override syntax, a renamed variable
 * @throws SkipRecipe when metadata raised bb.parse.SkipRecipe
 */
export declare function evaluateFile(file: ParsedFile, d: Datastore, host: EvaluationHost): void;

/** Evaluates one class by name as `inherit name` would. Same errors. */
export declare function inheritClass(name: string, d: Datastore, host: EvaluationHost): void;

/**
 * What follows the last statement of a recipe variant: deferred inherits, key expansion, anonymous Python, task list
 * (steps 2 to 5 of the recipe sequence, section 1.1 of the inventory), with the events in between.
 */
export declare function finalize(d: Datastore, host: EvaluationHost): void;

/** `bb.parse.SkipRecipe(reason)`. */
export class SkipRecipe extends Error {
  override readonly name = "SkipRecipe";
  readonly reason: string;
  constructor(reason: string) {
    super(reason);
    this.reason = reason;
  }
}

/** The tasks of an evaluated recipe in order of addition, each with the tasks of the same recipe it comes after. */
export declare function listTasks(d: Datastore): Map<string, readonly string[]>;
/** bb.build.addtask / deltask for Python. */
export declare function addTask(
  d: Datastore,
  task: string,
  before: readonly string[],
  after: readonly string[],
): void;
export declare function deleteTask(d: Datastore, task: string): void;
