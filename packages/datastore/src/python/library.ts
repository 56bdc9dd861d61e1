/** What `addpylib` made importable, as a datastore knows it: for signatures, and for the processes of Python tasks. */
import { words } from "@tsbake/base";
import type { Datastore } from "../datastore.js";

/** One function (or class) of a module, for signatures. */
export interface LibraryFunction {
  readonly name: string;
  /** Source text, its decorators included. */
  readonly text: string;
  /** Line of the file (from 1) of the text's first line. */
  readonly line: number;
  /** Names given to the decorator bb.parse.vardeps. */
  readonly vardeps: readonly string[];
  /** Names given to bb.parse.vardepsexclude. */
  readonly vardepsexclude: readonly string[];
  /** It has a `visitorcode`, which says what a call of it reads; the function's own text counts for nothing then. */
  readonly visited: boolean;
}

/** What the calls in a text come to when visited functions are asked. */
export interface VisitedCalls {
  /** Words asked for, by variable: all those of the text, those of bb.utils.contains and its sisters included. */
  readonly contains: Readonly<Record<string, readonly string[]>>;
  /** Dotted names that count as called in place of the visited ones. */
  readonly calls: readonly string[];
}

/** A module named in BBIMPORTS of the library. */
export interface LibraryModule {
  /** Dotted, `oe.utils`. */
  readonly name: string;
  /** Public names that can be called, those that the module imported included. */
  readonly callables: readonly string[];
  /** Those of them that the module's own file defines. */
  readonly functions: readonly LibraryFunction[];
}

export interface PythonLibrary {
  /** Folder on sys.path. */
  readonly directory: string;
  readonly namespace: string;
  readonly modules: readonly LibraryModule[];
  /** @throws PythonError when the text does not compile, or a visitor fails */
  visitCalls(text: string): VisitedCalls;
}

const LIBRARIES = "__pylibs";
const NONE: readonly PythonLibrary[] = [];

/** The libraries that the configuration named, in order. */
export function librariesOf(d: Datastore): readonly PythonLibrary[] {
  const known = d.getVar(LIBRARIES, { expand: false });
  return Array.isArray(known) ? (known as PythonLibrary[]) : NONE;
}

/** Remembers a library that `addpylib` has named, in the order in which that was done. */
export function noteLibrary(d: Datastore, library: PythonLibrary): void {
  d.setVar(LIBRARIES, [...librariesOf(d), library]);
}

/** Modules that metadata may name without an import: BB_GLOBAL_PYMODULES, which comes into force with `addpylib`. */
export function globalModules(d: Datastore): string[] {
  return librariesOf(d).length === 0 ? [] : words(d.getText("BB_GLOBAL_PYMODULES"));
}
