/** `--ui json`: each event as one line of JSON, for programs. Places in files come as file, line and column. */
import { redact } from "@tsbake/base";
import type { Diagnostic, Span } from "@tsbake/base";
import type { Display } from "../display/display.js";
import { sortDiagnostics } from "../display/failure-text.js";
import type { Surroundings } from "../surroundings.js";

/** Raised when a field or an event goes or gets another meaning; new ones do not count. docs/manual.md has the list. */
const FORMAT = 1;

/** One line without its end; `time` is milliseconds since 1970. Durations are whole milliseconds. */
export function jsonLine(event: object, timeMs: number): string {
  const line = JSON.stringify({ time: timeMs, ...event }, (key, value: unknown) => {
    if (key === "at" && isSpan(value)) return place(value);
    return key.endsWith("Ms") && typeof value === "number" ? Math.round(value) : value;
  });
  return redact(line);
}

/** The first line. @param words of the command line */
export function beginEvent(version: string, words: readonly string[]): object {
  return { type: "begin", format: FORMAT, version, words };
}

/** The last line. @param code the exit code */
export function endEvent(code: number): object {
  return { type: "end", code };
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

/** All that a session shows, as events on standard output. */
export function jsonDisplay({
  stdout,
  version,
  words,
  onTerminal,
}: Pick<Surroundings, "stdout" | "version" | "words" | "onTerminal">): Display {
  const write = (event: object) => void stdout.write(`${jsonLine(event, Date.now())}\n`);
  write(beginEvent(version, words));
  return {
    see: write,
    conclude: (_summary, outputs) => write({ type: "outputs", outputs }),
    fail: (diagnostics) => write(errorEvent(sortDiagnostics(diagnostics))),
    answer: (text, data) => write({ type: "answer", text, ...(data && { data }) }),
    lend: (taken) => onTerminal?.(taken),
    close: (code) => write(endEvent(code)),
  };
}
