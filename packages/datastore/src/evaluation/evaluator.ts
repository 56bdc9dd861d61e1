/** The seams of evaluation: what it needs from outside, and what its parts need from one another. */
import type { Diagnostic, Span } from "@tsbake/base";
import type { ParsedFile } from "@tsbake/language";
import type { Datastore } from "../datastore.js";
import type { PythonHost } from "../python/host.js";

/** What evaluation needs from outside. The room `recipe` implements it and keeps the file cache and the dependency list. */
export interface EvaluationHost {
  /**
   * The parsed file at an absolute path, or undefined when there is none; its `source.path` is that path. Called for
   * every candidate of a search, so that a file that appears later in an earlier place is noticed.
   */
  load(path: string): ParsedFile | undefined;
  python(): PythonHost;
  /** Called again for each evaluation of a file with warnings: the host tells each once. */
  warn(diagnostic: Diagnostic): void;
  /** Does `work`, which reads a file, for a host that keeps who includes whom. A file that is not there comes by its name. */
  reading?(path: string, work: () => void): void;
}

/** One evaluation in progress, as the statements see it. */
export interface Evaluator {
  readonly d: Datastore;
  readonly host: EvaluationHost;
  /** Evaluates a file that a statement at `at` names. */
  enter(file: ParsedFile, at: Span | undefined): void;
}
