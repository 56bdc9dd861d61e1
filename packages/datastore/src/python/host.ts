/** What the datastore asks of Python. The room `python` implements it; a build without Python code never opens one. */
import type { Span } from "@tsbake/base";
import type { Datastore, InlinePython } from "../datastore.js";
import type { LibraryModule, VisitedCalls } from "./library.js";

/** Where Python text stands: `line` (from 1) is the file's line of the text's first line. */
export interface PythonPlace {
  readonly file: string;
  readonly line: number;
  readonly at?: Span;
}

/** What handlers of the metadata are told. */
export interface MetadataEvent {
  /** Full class name: `bb.event.RecipePreFinalise`. */
  readonly eventClass: string;
  readonly attributes: Readonly<Record<string, unknown>>;
}

/**
 * CPython as the datastore sees it. Synchronous: expansion happens in the middle of a read.
 * Every method throws `PythonError`.
 */
export interface PythonHost extends InlinePython {
  /** Runs the text of a `def` in the global namespace of the recipe being parsed. */
  define(text: string, place: PythonPlace): void;
  /** Compiles a function body now, so that syntax errors are told where the function stands. */
  check(name: string, body: string, place: PythonPlace): void;
  /** Runs a function body (`def name(d): body`) with `d`. */
  execute(name: string, body: string, place: PythonPlace, d: Datastore): void;
  /** Runs an event handler body as `name(e, d)`; the event is an object of the class, with the attributes. */
  handle(name: string, body: string, place: PythonPlace, event: MetadataEvent, d: Datastore): void;
  /** `addpylib`: puts `directory` on sys.path and imports `namespace`; returns the modules of its BBIMPORTS. */
  addLibrary(directory: string, namespace: string): readonly LibraryModule[];
  /** Asks the `visitorcode` of the library functions that the text of a function calls. */
  visitCalls(text: string): VisitedCalls;
  /** Remembers the global namespace (after the base configuration); `reset` goes back to it for the next recipe. */
  mark(): void;
  reset(): void;
}
