/** The syntax tree: a file is a flat list of statements, in BitBake as here. Shapes only, no behaviour. */
import type { Diagnostic, Source, Span } from "@tsbake/base";

/** `conf` knows assignments and includes only; `recipe` (.bb .inc .bbappend .bbclass) knows everything. */
export type FileKind = "conf" | "recipe";

export type AssignmentOperator = "=" | "?=" | "??=" | ":=" | "+=" | "=+" | ".=" | "=.";

export interface Assignment {
  readonly kind: "assignment";
  /** As written: `FOO`, `FOO:append:arm`, `RDEPENDS:${PN}`. */
  readonly name: string;
  /** `f` of `FOO[f] = …`. */
  readonly flag?: string;
  readonly operator: AssignmentOperator;
  /** Unexpanded text between the quotes, continuation lines joined. */
  readonly value: string;
  /** Whether the line began with `export`. */
  readonly exported: boolean;
  readonly at: Span;
}

export interface Export {
  readonly kind: "export";
  readonly name: string;
  readonly at: Span;
}

export interface Unset {
  readonly kind: "unset";
  readonly name: string;
  readonly flag?: string;
  readonly at: Span;
}

export interface Include {
  readonly kind: "include";
  /** `include` ignores a missing file, `require` does not, `include_all` takes one from every BBPATH entry. */
  readonly form: "include" | "require" | "include_all";
  /** Unexpanded, may name several files. */
  readonly argument: string;
  readonly at: Span;
}

export interface Inherit {
  readonly kind: "inherit";
  readonly deferred: boolean;
  /** Unexpanded, may name several classes. */
  readonly argument: string;
  readonly at: Span;
}

/** `name() {`, `python name() {`, `fakeroot …`; the anonymous function has an empty name and is Python. */
export interface FunctionDefinition {
  readonly kind: "function";
  readonly name: string;
  readonly python: boolean;
  readonly fakeroot: boolean;
  /** The lines between the braces, each ending in a newline. */
  readonly body: string;
  /** Line of the file (from 1) of the body's first line: Python errors are told with it. */
  readonly bodyLine: number;
  readonly at: Span;
}

/** `def name(…):` at column 0. */
export interface PythonDefinition {
  readonly kind: "def";
  readonly name: string;
  /** The whole text, `def` line included. */
  readonly text: string;
  readonly line: number;
  readonly at: Span;
}

export interface AddTask {
  readonly kind: "addtask";
  /** As written; `do_` may be missing. */
  readonly tasks: readonly string[];
  readonly after: readonly string[];
  readonly before: readonly string[];
  readonly at: Span;
}

export interface DeleteTask {
  readonly kind: "deltask";
  readonly argument: string;
  readonly at: Span;
}

export interface AddHandler {
  readonly kind: "addhandler";
  readonly handlers: readonly string[];
  readonly at: Span;
}

export interface ExportFunctions {
  readonly kind: "EXPORT_FUNCTIONS";
  readonly functions: readonly string[];
  readonly at: Span;
}

export interface AddPythonLibrary {
  readonly kind: "addpylib";
  readonly directory: string;
  readonly namespace: string;
  readonly at: Span;
}

export interface AddFragments {
  readonly kind: "addfragments";
  readonly pathPrefix: string;
  readonly fragmentsVariable: string;
  readonly flaggedVariablesVariable: string;
  readonly builtinVariable?: string;
  readonly at: Span;
}

export type Statement =
  | Assignment
  | Export
  | Unset
  | Include
  | Inherit
  | FunctionDefinition
  | PythonDefinition
  | AddTask
  | DeleteTask
  | AddHandler
  | ExportFunctions
  | AddPythonLibrary
  | AddFragments;

/** A parsed file. With an error among the diagnostics the statements are those that could be read. */
export interface ParsedFile {
  readonly source: Source;
  readonly kind: FileKind;
  readonly statements: readonly Statement[];
  readonly diagnostics: readonly Diagnostic[];
}
