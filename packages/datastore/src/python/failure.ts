/** Exceptions of metadata Python as problems with a place. */
import { BuildError, spanOfLine, type Note, type Span } from "@tsbake/base";
import { ExpansionError } from "../expansion/expansion-error.js";
import { isSkip } from "../expansion/expansion-scope.js";
import type { EvaluationHost } from "../evaluation/evaluator.js";
import { pythonFailed, pythonGaveUp } from "../problems.js";
import { PythonError, type PythonFrame } from "./error.js";
import { isMetadata } from "../evaluation/noted-files.js";
import { SkipRecipe } from "./skip-recipe.js";
import { placeOfMessage, type Texts } from "../expansion/text-place.js";

/** What was being done when an error came up. */
export interface Doing {
  /** Shown as is: `do_compile`, `the value of :=`. */
  readonly what: string;
  readonly at: Span | undefined;
  /** Where variables that a message names can be looked up. */
  readonly d?: Texts;
}

/** The error to throw in place of `error`; what is no matter of metadata comes back as it is. */
export function explainFailure(error: unknown, doing: Doing, host: EvaluationHost): unknown {
  if (error instanceof ExpansionError) return doing.at ? error.neededAt(doing.at) : error;
  if (!(error instanceof PythonError)) return error;
  if (isSkip(error)) return new SkipRecipe(error.detail);
  const diagnostic =
    error.type === "bb.BBHandledException" ? gaveUp(error, doing, host) : describe(error, doing, host);
  return new BuildError([diagnostic], { cause: error });
}

/** The text of bb.fatal where it was called; what was only raised was told before. */
function gaveUp(error: PythonError, { what, at, d }: Doing, host: EvaluationHost) {
  const spans = error.frames.map((frame) => spanOfFrame(frame, host));
  const span = spans.findLast((one) => one !== undefined) ?? (d && placeOfMessage(d, error.detail));
  return pythonGaveUp(span ?? error.at ?? at, what, error.detail);
}

function describe(error: PythonError, { what, at }: Doing, host: EvaluationHost) {
  const places = error.frames.map((frame) => ({ frame, span: spanOfFrame(frame, host) }));
  const innermost = places.findLast(({ span }) => span !== undefined);
  const inside = error.frames.at(-1);
  const library = inside !== undefined && innermost?.frame !== inside ? inside : undefined;
  const where = library ? ` (${library.file}:${library.line}, in ${library.function})` : "";
  const notes: Note[] = places
    .filter(({ span }) => span !== undefined && span !== innermost?.span)
    .map(({ frame, span }) => ({ message: `called in ${nameOf(frame)}`, at: span! }));
  return pythonFailed(
    innermost?.span ?? error.at ?? at,
    `${what === "anonymous Python" ? what : `\`${what}\``} raised ${error.type}: ${detailOf(error)}${where}`,
    notes,
    library?.function,
  );
}

/** Without the place that Python puts behind it: it is shown with its line. */
function detailOf({ type, detail }: PythonError): string {
  return type === "SyntaxError" || type === "IndentationError"
    ? detail.replace(/ \([^()]*, line \d+\)$/, "")
    : detail;
}

/** Anonymous functions have a name that only Python needs. */
function nameOf({ function: name }: PythonFrame): string {
  return name.startsWith("__anon_") ? "anonymous Python" : `\`${name}\``;
}

function spanOfFrame({ file, line }: PythonFrame, host: EvaluationHost): Span | undefined {
  const source = isMetadata(file) ? host.load(file)?.source : undefined;
  return source && spanOfLine(source, line);
}
