/** Worker threads over all cases of a run, with an eye on those that do not come back. */
import { Worker } from "node:worker_threads";
import type { Setup } from "./types.js";
import type { Answer, Order, Slowest } from "./worker.js";

export interface Failure {
  readonly index: number;
  readonly reason: string;
}

export interface PoolResult {
  readonly failures: readonly Failure[];
  readonly outcomes: Readonly<Record<string, number>>;
  readonly slowest: Slowest;
}

export interface PoolOptions {
  readonly setup: Setup;
  readonly from: number;
  readonly count: number;
  readonly workers: number;
  /** A case that takes longer is looked at again, alone. */
  readonly limitMs: number;
  readonly onProgress: (done: number) => void;
}

/** What a case that was slow gets of the processor the second time, to tell how slow it is. */
const PATIENCE_MS = 10_000;
/** One that asks for no processor waits for something that never comes. The machine may be busy. */
const WAITING_MS = 600_000;
/** More failures than these say nothing new. */
const MOST_FAILURES = 200;
const MEMORY_MB = 768;

/** Runs cases `from` to `from + count`. */
export async function runPool(options: PoolOptions): Promise<PoolResult> {
  const failures: Failure[] = [];
  const outcomes: Record<string, number> = {};
  const slow: number[] = [];
  let slowest: Slowest = { index: 0, ms: 0 };
  const end = options.from + options.count;
  const done = Array.from({ length: options.workers }, () => 0);
  await Promise.all(
    done.map(async (_, lane) => {
      let next = options.from + lane;
      while (next < end && failures.length < MOST_FAILURES) {
        const thread = new Thread(options.setup, lane);
        try {
          await thread.ready;
          while (next < end && failures.length < MOST_FAILURES) {
            const to = Math.min(next + options.workers * 200, end);
            const answer = await thread.work(
              { from: next, to, step: options.workers },
              (wallMs) => wallMs > options.limitMs,
            );
            failures.push(...answer.failures);
            for (const [name, count] of Object.entries(answer.outcomes))
              outcomes[name] = (outcomes[name] ?? 0) + count;
            if (answer.slowest && answer.slowest.ms > slowest.ms) slowest = answer.slowest;
            if (answer.stuckAt !== undefined) {
              if (answer.reason === undefined) slow.push(answer.stuckAt);
              else failures.push({ index: answer.stuckAt, reason: answer.reason });
              next = answer.stuckAt + options.workers;
            } else next += Math.ceil((to - next) / options.workers) * options.workers;
            done[lane] = Math.ceil((next - options.from - lane) / options.workers);
            options.onProgress(done.reduce((sum, one) => sum + one, 0));
            if (answer.stuckAt !== undefined) break;
          }
        } finally {
          await thread.end();
        }
      }
    }),
  );
  for (const index of slow) {
    const reason = await runOne({ setup: options.setup, index, limitMs: options.limitMs });
    if (reason !== undefined) failures.push({ index, reason });
  }
  return { failures: failures.sort((a, b) => a.index - b.index), outcomes, slowest };
}

/**
 * One case in a thread of its own, warmed up by a few others.
 *
 * @returns why it failed, or undefined
 */
export async function runOne(request: {
  readonly setup: Setup;
  readonly index: number;
  readonly limitMs: number;
  readonly text?: string;
}): Promise<string | undefined> {
  const { setup, index, limitMs, text } = request;
  const thread = new Thread(setup, 99);
  try {
    await thread.ready;
    await thread.work({ from: index + 1, to: index + 40, step: 1 }, isTooLong());
    // What the processor did, not the clock: other programs may have it, too.
    const started = process.cpuUsage();
    const order: Order = text === undefined ? { from: index, to: index + 1, step: 1 } : { text, index };
    const answer = await thread.work(order, isTooLong());
    const used = process.cpuUsage(started);
    const tookMs = (used.user + used.system) / 1000;
    if (answer.reason !== undefined) return answer.reason;
    if (answer.failures[0]) return answer.failures[0].reason;
    if (answer.stuckAt !== undefined) return `it hangs: no end after ${PATIENCE_MS / 1000} s`;
    return tookMs > limitMs ? `it hangs: ${(tookMs / 1000).toFixed(1)} s` : undefined;
  } finally {
    await thread.end();
  }
}

/** By what the processor did since this call. */
function isTooLong(): (wallMs: number) => boolean {
  const before = process.cpuUsage();
  return (wallMs) => {
    const { user, system } = process.cpuUsage(before);
    return (wallMs > PATIENCE_MS && (user + system) / 1000 > PATIENCE_MS) || wallMs > WAITING_MS;
  };
}

interface Worked {
  readonly failures: Failure[];
  readonly outcomes: Readonly<Record<string, number>>;
  readonly slowest?: Slowest;
  /** The case that took too long, or that the thread died of. The thread is of no use any more. */
  readonly stuckAt?: number;
  /** Why the thread died. */
  readonly reason?: string;
}

class Thread {
  readonly #worker: Worker;
  readonly #state = new Int32Array(new SharedArrayBuffer(8));
  readonly ready: Promise<void>;

  constructor(setup: Setup, lane: number) {
    this.#worker = new Worker(new URL("worker.js", import.meta.url), {
      workerData: { setup: { ...setup, folder: `${setup.folder}/${lane}` }, state: this.#state },
      resourceLimits: { maxOldGenerationSizeMb: MEMORY_MB },
    });
    this.ready = new Promise((resolve, reject) => {
      this.#worker.once("message", () => resolve());
      this.#worker.once("error", reject);
    });
    this.ready.catch(() => {});
  }

  /** @param isOver given how long the case under way takes by the clock */
  work(order: Order, isOver: (wallMs: number) => boolean): Promise<Worked> {
    const failures: Failure[] = [];
    return new Promise((resolve) => {
      const finish = (worked: Omit<Worked, "failures">): void => {
        clearInterval(watch);
        this.#worker.removeAllListeners("message").removeAllListeners("error");
        this.#worker.on("error", () => {});
        resolve({ failures, ...worked });
      };
      const watch = setInterval(() => {
        const started = Atomics.load(this.#state, 1);
        if (started === 0) return;
        const now = Math.trunc(performance.timeOrigin + performance.now()) & 0x7fffffff;
        if (isOver(now - started)) finish({ outcomes: {}, stuckAt: Atomics.load(this.#state, 0) });
      }, 100);
      this.#worker.on("message", (answer: Answer) => {
        if (answer.kind === "failed") failures.push({ index: answer.index, reason: answer.reason });
        else if (answer.kind === "done") finish({ outcomes: answer.outcomes, slowest: answer.slowest });
      });
      this.#worker.on("error", (error: Error) => {
        finish({
          outcomes: {},
          stuckAt: Atomics.load(this.#state, 0),
          reason: `the thread died: ${error.message}`,
        });
      });
      this.#worker.postMessage(order);
    });
  }

  async end(): Promise<void> {
    await this.#worker.terminate();
  }
}
