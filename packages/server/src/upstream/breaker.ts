/** A server behind this one that is down is left alone for a while: nobody here waits for it again and again. */
import { messageOf } from "@tsbake/base";

/** How long. */
const PAUSE_MS = 30_000;

export interface BreakerOptions {
  /** Told when it goes down, and when it is up again. */
  readonly onChange: (reason: string | undefined) => void;
  readonly pauseMs?: number;
}

export class Breaker {
  readonly #options: BreakerOptions;
  #downUntilMs = -Infinity;
  #isDown = false;

  constructor(options: BreakerOptions) {
    this.#options = options;
  }

  get isDown(): boolean {
    return performance.now() < this.#downUntilMs;
  }

  /** @returns what the work gives; `otherwise` while the server is left alone, and when it fails now */
  async guard<Result>(otherwise: Result, work: () => Promise<Result>): Promise<Result> {
    if (this.isDown) return otherwise;
    try {
      const result = await work();
      if (this.#isDown) this.#options.onChange(undefined);
      this.#isDown = false;
      return result;
    } catch (error) {
      this.#downUntilMs = performance.now() + (this.#options.pauseMs ?? PAUSE_MS);
      if (!this.#isDown) this.#options.onChange(messageOf(error));
      this.#isDown = true;
      return otherwise;
    }
  }
}
