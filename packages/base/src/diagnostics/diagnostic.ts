/**
 * What went wrong, as data. A room makes diagnostics in its own `problems.ts`; only the CLI prints.
 */
import { printable } from "../text/printable.js";
import { redact } from "../text/redact.js";
import type { Span } from "./source.js";

export type Severity = "error" | "warning";

/** A second place that explains the first, e.g. where the other of two clashing values was set. */
export interface Note {
  readonly message: string;
  readonly at: Span;
}

export interface Diagnostic {
  readonly severity: Severity;
  /** Stable name, `<room>/<problem>`; each has an entry in docs/problems.md. */
  readonly code: string;
  /** One sentence, lower case, no full stop. */
  readonly message: string;
  readonly at?: Span;
  readonly notes?: readonly Note[];
  /** What the reader can do about it. */
  readonly help?: string;
  /** What the message is made of, for handlers in metadata; by the attribute of BitBake's event. */
  readonly facts?: Readonly<Record<string, unknown>>;
}

/** Thrown to stop a build that cannot go on; carries every diagnostic, not only the first. */
export class BuildError extends Error {
  override readonly name = "BuildError";
  readonly diagnostics: readonly Diagnostic[];

  constructor(diagnostics: readonly Diagnostic[], options?: ErrorOptions) {
    super(diagnostics.map((one) => `${one.code}: ${one.message}`).join("\n"), options);
    this.diagnostics = diagnostics;
  }
}

/** A diagnostic as plain text, with the source line and carets under the span. No colour, no final newline. */
export function render(diagnostic: Diagnostic): string {
  // Names of strangers' variables, what their programs and servers say: any of it can stand in a message.
  const lines = [`${diagnostic.severity}[${diagnostic.code}]: ${printable(diagnostic.message)}`];
  if (diagnostic.at) lines.push(...frame(diagnostic.at));
  for (const note of diagnostic.notes ?? [])
    lines.push(`note: ${printable(note.message)}`, ...frame(note.at));
  if (diagnostic.help) lines.push(`help: ${printable(diagnostic.help)}`);
  return lines.join("\n");
}

/** Columns of a source line that are shown. */
const shownWidth = 160;

function frame({ source, start, end }: Span): string[] {
  const { line, column, text } = source.place(start);
  const margin = " ".repeat(String(line).length);
  // Of a long line the part around the place.
  const from = column - 1 < shownWidth - 40 ? 0 : column - 41;
  const before = from > 0 ? "…" : "";
  const after = text.length > from + shownWidth ? "…" : "";
  const shown = text.slice(from, from + shownWidth);
  const at = column - 1 - from;
  const width = Math.max(1, Math.min(end - start, shown.length - at));
  // Tabs stay tabs under the text, so that the carets line up at any tab width.
  const lead = (before + shown.slice(0, at)).replace(/[^\t]/g, " ");
  return [
    `${margin}--> ${visible(source.path)}:${line}:${column}`,
    `${margin} |`,
    `${line} | ${before}${redact(visible(shown))}${after}`,
    `${margin} | ${lead}${"^".repeat(width)}`,
  ];
}

/** Control characters would move the cursor, or do worse. */
function visible(text: string): string {
  // oxlint-disable-next-line no-control-regex -- that is what it is about
  return text.replace(/\r$/, "").replace(/[\u0000-\u0008\u000a-\u001f\u007f-\u009f]/g, "\uFFFD");
}
