/** What Ctrl-C and its relatives do. */
import { endedBy } from "./exit-code.js";

/** Those that end a build. */
export const ENDING_SIGNALS = ["SIGINT", "SIGTERM", "SIGHUP"] as const;

/**
 * Until tasks may run, a signal has its default action: the kernel ends us at once, also while a regular expression or a
 * parse keeps the event loop (and so every listener) waiting. Nothing has to be cleaned up then, and whatever we started
 * ends with our pipes. From the first task on we listen: once, what runs is finished; twice, it is killed; then we go.
 */
export class Signals {
  /** No further task starts. */
  readonly stop = new AbortController();
  /** What runs is killed; the reason is the signal. */
  readonly kill = new AbortController();
  /** A task has the terminal: Ctrl-C is for that task. */
  isLent = false;
  #presses = 0;
  #isAnswering = false;

  /** From now on tasks may run. */
  answer(): void {
    if (this.#isAnswering) return;
    this.#isAnswering = true;
    for (const signal of ENDING_SIGNALS) process.on(signal, () => this.#hear(signal));
  }

  #hear(signal: (typeof ENDING_SIGNALS)[number]): void {
    if (signal === "SIGINT") {
      if (this.isLent) return;
      this.#presses++;
    } else {
      // Not a person at the terminal, who could ask again.
      this.isLent = false;
      this.#presses = Math.max(this.#presses, 1) + 1;
    }
    this.stop.abort(signal);
    // Patience is at an end: the launcher of the tasks cleans up after us.
    if (this.#presses > 2) process.exit(endedBy(signal));
    if (this.#presses === 2) this.kill.abort(signal);
  }
}
