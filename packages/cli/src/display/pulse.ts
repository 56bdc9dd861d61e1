/**
 * Keeps the mark of the live part moving while the main thread is at work and no timer of it runs: when the interpreter starts, or on
 * a machine that has other things to do. A thread of its own does that, and writes nothing as long as we do.
 */
import { Worker } from "node:worker_threads";
import { BEATS, CELLS, type PulseData, WRITER, LINES, NOBODY, SCREEN } from "./pulse-state.js";

/** The other thread writes a few bytes: longer waits mean that it is not running. */
const PATIENCE_MS = 50;

export class Pulse {
  readonly #state = new Int32Array(new SharedArrayBuffer(CELLS * Int32Array.BYTES_PER_ELEMENT));
  readonly #thread: Worker;

  /** @param fd of the terminal */
  constructor(fd: number, onError: (error: unknown) => void) {
    const workerData: PulseData = { state: this.#state, fd };
    this.#thread = new Worker(new URL("pulse-thread.js", import.meta.url), { workerData, execArgv: [] });
    this.#thread.on("error", onError);
    this.#thread.unref();
  }

  /** We live: the thread has nothing to do for a while. */
  beat(): void {
    Atomics.add(this.#state, BEATS, 1);
  }

  /** Writes to the terminal, where nobody else does meanwhile. @param lines how many stand above the cursor then and are the live part */
  write(lines: number, write: () => void): void {
    while (Atomics.compareExchange(this.#state, WRITER, NOBODY, SCREEN) !== NOBODY)
      Atomics.wait(this.#state, WRITER, Atomics.load(this.#state, WRITER), PATIENCE_MS);
    try {
      write();
      Atomics.store(this.#state, LINES, lines);
      this.beat();
    } finally {
      Atomics.store(this.#state, WRITER, NOBODY);
    }
  }

  stop(): void {
    void this.#thread.terminate();
  }
}
