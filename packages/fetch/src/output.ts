/** The only place of this room that prints: results on standard output, problems on standard error. */
import { BuildError, messageOf, render } from "@tsbake/base";

export function say(line: string): void {
  process.stdout.write(`${line}\n`);
}

export function warn(message: string): void {
  process.stderr.write(`warning: ${message}\n`);
}

/** Every diagnostic of a BuildError; anything else in one line. @returns the exit code */
export function complain(error: unknown): number {
  const text =
    error instanceof BuildError ? error.diagnostics.map(render).join("\n") : `error: ${messageOf(error)}`;
  process.stderr.write(`${text}\n`);
  return 1;
}
