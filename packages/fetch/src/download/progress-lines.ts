/** Progress of downloads in the task's log. */
import { say } from "@tsbake/base/program";

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
