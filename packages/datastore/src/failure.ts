/** Exceptions of metadata Python as problems with a place. */
import { BuildError, type Note, type Source, type Span } from "@tsbake/base";
import { ExpansionError } from "./expansion-error.js";
import { isSkip } from "./expansion-scope.js";
import type { EvaluationHost } from "./evaluator.js";
import { pythonFailed, pythonGaveUp } from "./problems.js";
import { PythonError, type PythonFrame } from "./python-error.js";
import { isMetadata } from "./search.js";
import { SkipRecipe } from "./skip-recipe.js";

/** What was being done when an error came up. */
export interface Doing {
  /** Shown as is: `do_compile`, `the value of :=`. */
  readonly what: string;
  readonly at: Span | undefined;
}

/** The error to throw in place of `error`; what is no matter of metadata comes back as it is. */
export function explain(error: unknown, doing: Doing, host: EvaluationHost): unknown {
  if (error instanceof ExpansionError) return doing.at ? error.neededAt(doing.at) : error;
  if (!(error instanceof PythonError)) return error;
  if (isSkip(error)) return new SkipRecipe(error.detail);
  if (error.type === "bb.BBHandledException") return new BuildError([pythonGaveUp(doing.at, doing.what)]);
  return new BuildError([describe(error, doing, host)], { cause: error });
}

function describe(error: PythonError, { what, at }: Doing, host: EvaluationHost) {
  const places = error.frames.map((frame) => ({ frame, span: spanOfFrame(frame, host) }));
  const innermost = places.findLast(({ span }) => span !== undefined);
  const inside = error.frames.at(-1);
  const where =
    inside !== undefined && innermost?.frame !== inside
      ? ` (${inside.file}:${inside.line}, in ${inside.function})`
      : "";
  const notes: Note[] = places
    .filter(({ span }) => span !== undefined && span !== innermost?.span)
    .map(({ frame, span }) => ({ message: `called in \`${frame.function}\``, at: span! }));
  return pythonFailed(
    innermost?.span ?? at,
    `\`${what}\` raised ${error.type}: ${error.detail}${where}`,
    notes,
  );
}

function spanOfFrame({ file, line }: PythonFrame, host: EvaluationHost): Span | undefined {
  const source = isMetadata(file) ? host.load(file)?.source : undefined;
  return source && spanOfLine(source, line);
}

/** The text of line `number` (from 1) without its indentation. */
function spanOfLine(source: Source, number: number): Span | undefined {
  let start = 0;
  for (let line = 1; line < number; line++) {
    const newline = source.text.indexOf("\n", start);
    if (newline === -1) return undefined;
    start = newline + 1;
  }
  const newline = source.text.indexOf("\n", start);
  const text = source.text.slice(start, newline === -1 ? undefined : newline);
  const indent = text.length - text.trimStart().length;
  return { source, start: start + indent, end: start + Math.max(text.trimEnd().length, indent + 1) };
}
