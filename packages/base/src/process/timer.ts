/** Work that is repeated. */

/** The longest time that setInterval takes; it makes 1 ms of a longer one. */
const LONGEST_MS = 2 ** 31 - 1;

export interface Repetition {
  stop(): void;
}

export interface RepetitionOptions {
  /** Told of what `work` throws, once: to report it, or to keep it for somebody who is waited for. Must not throw. */
  readonly onError: (error: unknown) => void;
  /** Whether this process waits for it. Default: true. */
  readonly keepsAlive?: boolean;
}

/**
 * Does `work` every `intervalMs` ms, at least every 24 days, until it is stopped. What `work` throws stops it: nobody waits for
 * a timer, and an error there would end the process.
 */
export function every(intervalMs: number, work: () => void, options: RepetitionOptions): Repetition {
  const timer = setInterval(
    () => {
      try {
        work();
      } catch (error) {
        clearInterval(timer);
        options.onError(error);
      }
    },
    Math.min(intervalMs, LONGEST_MS),
  );
  if (options.keepsAlive === false) timer.unref();
  return { stop: () => clearInterval(timer) };
}
