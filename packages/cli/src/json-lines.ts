/** `--ui json`: each event as one line of JSON, for programs. Places in files come as file, line and column. */
import type { Diagnostic, Span } from "@tsbake/base";

/** One line without its end; `time` is milliseconds since 1970. */
export function jsonLine(event: object, timeMs: number): string {
  return JSON.stringify({ time: timeMs, ...event }, (key, value: unknown) =>
    key === "at" && isSpan(value) ? place(value) : value,
  );
}

/** Errors that end the command. */
export function errorEvent(diagnostics: readonly Diagnostic[]): object {
  return { type: "error", diagnostics };
}

function place({ source, start }: Span): { file: string; line: number; column: number } {
  const { line, column } = source.place(start);
  return { file: source.path, line, column };
}

function isSpan(value: unknown): value is Span {
  return typeof value === "object" && value !== null && "source" in value && "start" in value;
}
