/** One evaluation: a file, what it includes and inherits, statement by statement. */
import { BuildError, words, type Diagnostic, type Span } from "@tsbake/base";
import type { ParsedFile, Statement } from "@tsbake/language";
import { assign } from "../variables/assign.js";
import type { Datastore } from "../datastore.js";
import type { EvaluationHost, Evaluator } from "./evaluator.js";
import { addHandlers } from "./events.js";
import { ExpansionError } from "../expansion/expansion-error.js";
import { explainFailure, type Doing } from "../python/failure.js";
import { addFragments } from "./fragments.js";
import { addPythonLibrary, defineFunction, definePython, exportFunctions } from "./functions.js";
import { include } from "./include.js";
import { deferInherit, inherit } from "./inherit.js";
import { includeLoop } from "../problems.js";
import { noteFiles } from "./noted-files.js";
import { addTask, deleteTask } from "./tasks.js";

class Evaluation implements Evaluator {
  readonly d: Datastore;
  readonly host: EvaluationHost;
  /** Problems that do not keep the next statement from being read. */
  readonly problems: Diagnostic[] = [];
  /** Files being evaluated, the outermost first. */
  readonly #files: string[] = [];

  constructor(d: Datastore, host: EvaluationHost) {
    this.d = d;
    this.host = host;
  }

  enter(file: ParsedFile, at: Span | undefined): void {
    const { path } = file.source;
    const loop = this.#files.indexOf(path);
    if (loop !== -1) throw new BuildError([includeLoop(at, [...this.#files.slice(loop), path])]);
    this.run(file, false);
  }

  /** @param isRecipe true for the recipe itself, which stays FILE when it is done */
  run(file: ParsedFile, isRecipe: boolean): void {
    const errors = file.diagnostics.filter(({ severity }) => severity === "error");
    if (errors.length > 0) throw new BuildError([...this.problems, ...errors]);
    for (const warning of file.diagnostics) this.host.warn(warning);
    const { path } = file.source;
    const isClass = path.endsWith(".bbclass");
    const outer = this.d.getVar("FILE", { expand: false });
    if (!isClass && outer !== path) this.d.setVar("FILE", path);
    this.#files.push(path);
    const read = () => {
      for (const statement of file.statements) this.#step(statement);
    };
    if (this.host.reading) this.host.reading(path, read);
    else read();
    this.#files.pop();
    const isRestored = !isClass && !isRecipe && outer !== undefined && outer !== path;
    if (isRestored) this.d.setVar("FILE", outer);
  }

  #step(statement: Statement): void {
    try {
      this.#evaluate(statement);
    } catch (error) {
      const isIgnorable =
        (statement.kind === "assignment" || statement.kind === "function") &&
        error instanceof BuildError &&
        !(error instanceof ExpansionError);
      if (!isIgnorable)
        throw explainFailure(error, { what: describe(statement), at: statement.at }, this.host);
      this.problems.push(...error.diagnostics);
    }
  }

  #evaluate(statement: Statement): void {
    const { d } = this;
    switch (statement.kind) {
      case "assignment":
        return assign(statement, d);
      case "export":
        return d.setVarFlag(statement.name, "export", 1, { operation: "exported", at: statement.at });
      case "unset":
        if (statement.flag === undefined) return d.delVar(statement.name, { at: statement.at });
        return d.delVarFlag(statement.name, statement.flag, { at: statement.at });
      case "include":
        return include(statement, this);
      case "inherit":
        if (statement.deferred) return deferInherit(d, statement.argument, statement.at);
        return inherit(statement.argument, statement.at, this, false);
      case "function":
        return defineFunction(statement, this);
      case "def":
        return definePython(statement, this);
      case "addtask":
        for (const task of statement.tasks) addTask(d, task, statement.before, statement.after, statement.at);
        return;
      case "deltask":
        for (const task of words(d.expand(statement.argument))) deleteTask(d, task);
        return;
      case "addhandler":
        return addHandlers(d, statement.handlers, statement.at);
      case "EXPORT_FUNCTIONS":
        return exportFunctions(statement, this);
      case "addpylib":
        return addPythonLibrary(statement, this);
      case "addfragments":
        return addFragments(statement, this);
    }
  }
}

/** How an error's message names a statement. */
function describe(statement: Statement): string {
  switch (statement.kind) {
    case "assignment":
    case "def":
    case "export":
    case "unset":
      return statement.name;
    case "function":
      return statement.name === "" ? "anonymous Python" : statement.name;
    case "include":
      return statement.form;
    case "inherit":
    case "addtask":
    case "deltask":
    case "addhandler":
    case "EXPORT_FUNCTIONS":
    case "addpylib":
    case "addfragments":
      return statement.kind;
  }
}

/** Runs `work` as one evaluation. @throws BuildError with every problem of it, SkipRecipe */
export function runStatements(
  d: Datastore,
  host: EvaluationHost,
  doing: Doing,
  work: (evaluator: Evaluation) => void,
): void {
  const evaluation = new Evaluation(d, host);
  try {
    work(evaluation);
  } catch (error) {
    const problem = explainFailure(error, doing, host);
    if (evaluation.problems.length === 0) throw problem;
    const others = problem instanceof BuildError ? problem.diagnostics : [];
    throw new BuildError([...new Set([...evaluation.problems, ...others])], { cause: problem });
  }
  if (evaluation.problems.length > 0) throw new BuildError(evaluation.problems);
}

/** Evaluates a file that was read by name: it becomes one of the datastore's files. */
export function runFile(file: ParsedFile, d: Datastore, host: EvaluationHost): void {
  const { path } = file.source;
  const at = { source: file.source, start: 0, end: 0 };
  noteFiles(d, [path]);
  runStatements(d, host, { what: path, at }, (evaluation) => evaluation.run(file, path.endsWith(".bb")));
}
