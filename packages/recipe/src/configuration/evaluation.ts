/** One evaluation, of the configuration or of a recipe: the files it looked at and what it warned of. */
import type { Diagnostic } from "@tsbake/base";
import { evaluateFile, type Datastore, type EvaluationHost, type PythonHost } from "@tsbake/datastore";
import type { ParsedFile } from "@tsbake/language";
import type { FileTable } from "../files/files.js";
import type { PythonSession } from "./python-session.js";

export class Evaluation implements EvaluationHost {
  /** Every path that was looked for, those that were not there included, in order. */
  readonly files = new Set<string>();
  readonly warnings: Diagnostic[] = [];
  readonly #table: FileTable;
  readonly #python: PythonSession;
  /** Names under which files are told of, where that is not their path. */
  readonly #names = new Map<string, string>();
  /** How many files are being read, one in the other. */
  #depth = 0;
  /** Every file that was read, below the one that asked for it, as BitBake tells it. */
  readonly readings: { readonly depth: number; readonly name: string }[] = [];

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

  reading(path: string, work: () => void): void {
    this.readings.push({ depth: this.#depth, name: this.#names.get(path) ?? path });
    this.#depth++;
    try {
      work();
    } finally {
      this.#depth--;
    }
  }

  /** Evaluates the file at `path` into `d`; false when there is none. @param name under which it is told of */
  evaluate(path: string, d: Datastore, name = path): boolean {
    const file = this.load(path);
    this.#names.set(path, name);
    if (file) evaluateFile(file, d, this);
    return file !== undefined;
  }

  /** Those of `files` that are there: BBINCLUDED. */
  included(): string[] {
    return [...this.files].filter((path) => this.#table.stamp(path) !== "");
  }
}
