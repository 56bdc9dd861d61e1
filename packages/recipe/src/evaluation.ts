/** One evaluation, of the configuration or of a recipe: the files it looked at and what it warned of. */
import type { Diagnostic } from "@tsbake/base";
import { evaluateFile, type Datastore, type EvaluationHost, type PythonHost } from "@tsbake/datastore";
import type { ParsedFile } from "@tsbake/language";
import type { FileTable } from "./files.js";
import type { PythonSession } from "./python-session.js";

export class Evaluation implements EvaluationHost {
  /** Every path that was looked for, those that were not there included, in order. */
  readonly files = new Set<string>();
  readonly warnings: Diagnostic[] = [];
  readonly #table: FileTable;
  readonly #python: PythonSession;

  constructor(table: FileTable, python: PythonSession) {
    this.#table = table;
    this.#python = python;
    python.onFile = (path) => this.files.add(path);
  }

  load(path: string): ParsedFile | undefined {
    this.files.add(path);
    return this.#table.parse(path);
  }

  python(): PythonHost {
    return this.#python;
  }

  warn(diagnostic: Diagnostic): void {
    this.warnings.push(diagnostic);
  }

  /** Evaluates the file at `path` into `d`; false when there is none. */
  evaluate(path: string, d: Datastore): boolean {
    const file = this.load(path);
    if (file) evaluateFile(file, d, this);
    return file !== undefined;
  }

  /** Those of `files` that are there: BBINCLUDED. */
  included(): string[] {
    return [...this.files].filter((path) => this.#table.stamp(path) !== "");
  }
}
