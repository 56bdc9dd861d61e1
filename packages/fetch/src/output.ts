/** The only place of this room that prints: results on standard output, problems on standard error. */
import { BuildError, messageOf, render } from "@tsbake/base";

export function say(line: string): void {
  process.stdout.write(`${line}\n`);
}

/** Lines for the flag [progress] of the task: not more of them than a person could read, and the last in any case. */
export function openProgress(intervalMs = 500): (what: string, percent: number) => void {
  let lastMs = -Infinity;
  let last = "";
  return (what, percent) => {
    const line = `${what}: ${Math.floor(percent)}%`;
    const now = performance.now();
    if (line === last || (percent < 100 && now - lastMs < intervalMs)) return;
    [last, lastMs] = [line, now];
    say(line);
  };
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
