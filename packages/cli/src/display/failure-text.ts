/** Diagnostics and failed tasks as text. */
import { render } from "@tsbake/base";
import type { Diagnostic } from "@tsbake/base";
import type { TaskFailure } from "@tsbake/run";
import { printable } from "@tsbake/base";
import { fit } from "../text/text.js";
import type { Paint } from "../text/text.js";

const logLinesShown = 20;
/** Characters of a line of a log that are shown. */
const lineLength = 1000;

/** A diagnostic as `render` writes it, its severity, carets and help in colour. */
export function diagnosticText(diagnostic: Diagnostic, paint: Paint): string {
  const strong = diagnostic.severity === "error" ? "red" : "yellow";
  return render(diagnostic)
    .split("\n")
    .map((line, index) => {
      if (index === 0) return line.replace(/^\w+\[[^\]]*\]/, (head) => paint(strong, head));
      if (/^ *\| *\^+$/.test(line)) return line.replace(/\^+$/, (carets) => paint(strong, carets));
      return line.replace(/^(help|note):/, (head) => paint("cyan", head));
    })
    .join("\n");
}

/** All of them, each once, by place and then by code. */
export function sortDiagnostics(diagnostics: readonly Diagnostic[]): Diagnostic[] {
  const keyed = new Map(diagnostics.map((one) => [render(one), one]));
  return [...keyed]
    .map(([text, diagnostic]) => ({ text, diagnostic, key: sortKey(diagnostic) }))
    .toSorted((left, right) => compare(left.key, right.key) || compare([left.text], [right.text]))
    .map(({ diagnostic }) => diagnostic);
}

/**
 * A failed task: what happened, the end of its log, where the rest is and how to repeat it.
 *
 * @param log the text of the log, or undefined when it cannot be read
 */
export function failureText(failure: TaskFailure, log: string | undefined, paint: Paint): string {
  const lines = failure.diagnostics.map((diagnostic) => diagnosticText(diagnostic, paint));
  const tail = log === undefined ? [] : logTail(log);
  if (tail.length > 0) lines.push(...tail.map((line) => paint("dim", `  | ${line}`)));
  if (failure.logPath !== undefined) lines.push(`log: ${failure.logPath}`);
  if (failure.scriptPath !== undefined) lines.push(`to repeat it by hand: ${failure.scriptPath}`);
  return lines.join("\n");
}

/** The last lines that say something. */
export function logTail(log: string, most = logLinesShown): string[] {
  const lines = log
    .split(/\r\n|\n|\r/)
    .map((line) => fit(printable(line.slice(0, 4 * lineLength)).trimEnd(), lineLength));
  while (lines.at(-1) === "") lines.pop();
  return lines.slice(-most);
}

function sortKey({ at, code }: Diagnostic): (string | number)[] {
  return [at ? at.source.path : "", at?.start ?? 0, code];
}

function compare(left: readonly (string | number)[], right: readonly (string | number)[]): number {
  for (const [index, one] of left.entries()) {
    const other = right[index]!;
    if (one !== other) return one < other ? -1 : 1;
  }
  return 0;
}
