/** Statements into a datastore, in order: assignments, includes, classes, functions, tasks. */
import type { ParsedFile } from "@tsbake/language";
import type { Datastore } from "../datastore.js";
import { runFile, runStatements } from "./evaluation.js";
import type { EvaluationHost } from "./evaluator.js";
import { inherit } from "./inherit.js";

/**
 * Evaluates `file` (and what it includes and inherits) into `d`. The path of its source is absolute. FILE is the recipe
 * after a .bb file, and what it was before after any other.
 *
 * @throws BuildError for what stops the file: a missing required file or class, an error of the parse, a Python error,
 *   old override syntax, a renamed variable
 * @throws SkipRecipe when metadata raised bb.parse.SkipRecipe
 */
export function evaluateFile(file: ParsedFile, d: Datastore, host: EvaluationHost): void {
  runFile(file, d, host);
}

/** Evaluates one class by name as `inherit name` would. Same errors. */
export function inheritClass(name: string, d: Datastore, host: EvaluationHost): void {
  runStatements(d, host, { what: `inherit ${name}`, at: undefined }, (evaluation) =>
    inherit(name, undefined, evaluation, false),
  );
}
