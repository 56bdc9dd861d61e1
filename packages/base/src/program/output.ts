/** What the programs print that task bodies call: progress and results on standard output, problems on standard error. */
import { BuildError, render } from "../diagnostics/diagnostic.js";
import { messageOf } from "../diagnostics/errno.js";
import { redact } from "../text/redact.js";

/** A line of standard output. */
export function say(line: string): void {
  process.stdout.write(`${redact(line)}\n`);
}

/** A line of standard error, which the task's log has as a warning. */
export function warn(message: string): void {
  process.stderr.write(`warning: ${redact(message)}\n`);
}

/**
 * Prints what a program threw: every diagnostic of a BuildError. Anything else is a bug of ours or an error of the
 * system, told in one line.
 *
 * @returns the exit code
 */
export function reportError(error: unknown): number {
  const text =
    error instanceof BuildError
      ? error.diagnostics.map(render).join("\n")
      : `error: ${redact(messageOf(error))}`;
  process.stderr.write(`${text}\n`);
  return 1;
}
