/** An exception of metadata Python, as the host hands it over. */
import type { Span } from "@tsbake/base";

/** An exception raised by metadata Python. */
export class PythonError extends Error {
  override readonly name = "PythonError";
  /** Qualified class name without `builtins.`: `NameError`, `bb.parse.SkipRecipe`, `bb.BBHandledException`, `SyntaxError`. */
  readonly type: string;
  /** `str()` of the exception. */
  readonly detail: string;
  /** Innermost frames last; only those in metadata. */
  readonly frames: readonly PythonFrame[];
  /** The expression that Python was asked for, once a datastore knows where it is written. */
  at: Span | undefined;

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
