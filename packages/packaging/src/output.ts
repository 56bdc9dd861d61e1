/** The only place of this room that prints: progress and results on standard output, problems on standard error. */
import { BuildError, messageOf, render } from "@tsbake/base";

export function say(line: string): void {
  process.stdout.write(`${line}\n`);
}

/** Prints what a command threw; anything but a BuildError is told in one line. @returns the exit code */
export function complain(error: unknown): number {
  const text =
    error instanceof BuildError ? error.diagnostics.map(render).join("\n") : `error: ${messageOf(error)}`;
  process.stderr.write(`${text}\n`);
  return 1;
}
