/** What the datastore asks of Python. The room `python` implements it; a build without Python code never opens one. */
import type { Span } from "@tsbake/base";
import type { Datastore } from "./datastore.js";

/** Where Python text stands: `line` (from 1) is the file's line of the text's first line. */
export interface PythonPlace {
  readonly file: string;
  readonly line: number;
  readonly at?: Span;
}

/**
 * CPython as the datastore sees it. Synchronous: expansion happens in the middle of a read.
 * Every method throws `PythonError`.
 */
export interface PythonHost {
  /**
   * Evaluates one inline expression (`${@…}`, already substituted) with `d`, os, bb, time, the `def`s seen so far
   * and, for unknown names, the variables of `d` in scope. The result as `str()` gives it, None as "None".
   */
  evaluate(expression: string, d: Datastore): string;
  /** Runs the text of a `def` in the global namespace of the recipe being parsed. */
  define(text: string, place: PythonPlace): void;
  /** Compiles a function body now, so that syntax errors are told where the function stands. */
  check(name: string, body: string, place: PythonPlace): void;
  /** Runs a function body (`def name(d): body`) with `d`. */
  execute(name: string, body: string, place: PythonPlace, d: Datastore): void;
  /** Runs an event handler body as `name(e, d)`; the event is an object with `attributes` of class `eventClass`. */
  handle(
    name: string,
    body: string,
    place: PythonPlace,
    event: { readonly eventClass: string; readonly attributes: Readonly<Record<string, unknown>> },
    d: Datastore,
  ): void;
  /** `addpylib`: puts `directory` on sys.path and imports `namespace`. */
  addLibrary(directory: string, namespace: string): void;
  /** Remembers the global namespace (after the base configuration); `reset` goes back to it for the next recipe. */
  mark(): void;
  reset(): void;
}

/** An exception raised by metadata Python. */
export class PythonError extends Error {
  override readonly name = "PythonError";
  /** Qualified class name without `builtins.`: `NameError`, `bb.parse.SkipRecipe`, `bb.BBHandledException`, `SyntaxError`. */
  readonly type: string;
  /** `str()` of the exception. */
  readonly detail: string;
  /** Innermost frames last; only those in metadata. */
  readonly frames: readonly PythonFrame[];

  constructor(type: string, detail: string, frames: readonly PythonFrame[] = []) {
    super(`${type}: ${detail}`);
    this.type = type;
    this.detail = detail;
    this.frames = frames;
  }
}

export interface PythonFrame {
  readonly file: string;
  readonly line: number;
  readonly function: string;
}
