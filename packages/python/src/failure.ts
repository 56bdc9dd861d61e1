/** Errors on their way between TypeScript and Python, as plain data. */
import { BuildError, messageOf } from "@tsbake/base";
import { PythonError, type PythonFrame } from "@tsbake/datastore";

/** What packages/python/lib/tsbake/errors.py makes of an exception. */
export interface PythonFailure {
  readonly type: string;
  readonly detail: string;
  readonly frames: readonly PythonFrame[];
  /** Which of the engine's own errors this is, when it came from there. */
  readonly key?: number | null;
}

/** A failure as text from Python. Its shape is ours, so a surprise is a bug of ours. */
export function readFailure(json: string): PythonFailure {
  const value: unknown = JSON.parse(json);
  if (typeof value !== "object" || value === null || !("type" in value) || !("detail" in value)) {
    throw new Error(`internal: Python described an exception as ${json}`);
  }
  return value as PythonFailure;
}

/** What bb.fatal raises: its text was given as a message too. */
export function isHandled({ type }: PythonFailure): boolean {
  return type === "bb.BBHandledException";
}

export function toPythonError(failure: PythonFailure, cause?: unknown): PythonError {
  const error = new PythonError(failure.type, failure.detail, failure.frames);
  if (cause !== undefined) error.cause = cause;
  return error;
}

/**
 * Type and text under which Python gets an error of the engine. A skipped recipe keeps its class, so that metadata can
 * catch it; Python's own keep theirs; the rest is an ExpansionError, as there is nothing else that reading can raise.
 */
export function describeForPython(error: unknown): { type: string; detail: string } {
  if (isNamed(error, "SkipRecipe") && "reason" in error) {
    return { type: "bb.parse.SkipRecipe", detail: String(error.reason) };
  }
  if (isNamed(error, "PythonError") && "type" in error && "detail" in error) {
    return { type: String(error.type), detail: String(error.detail) };
  }
  const detail =
    error instanceof BuildError ? error.diagnostics.map(({ message }) => message).join("; ") : undefined;
  return { type: "bb.data_smart.ExpansionError", detail: detail ?? messageOf(error) };
}

function isNamed(error: unknown, name: string): error is object {
  return typeof error === "object" && error !== null && "name" in error && error.name === name;
}
