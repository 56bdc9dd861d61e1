/** How often an address may be wrong: whoever guesses tokens waits. */

const MOST_WRONG = 10;
const WINDOW_MS = 60_000;
/** Addresses that are remembered; a guesser with more of them has 10 guesses each, of 2^256. */
const MOST_ADDRESSES = 10_000;

interface Wrong {
  count: number;
  sinceMs: number;
}

export class Guesses {
  /** Those who were wrong first come first. */
  readonly #wrong = new Map<string, Wrong>();
  readonly #now: () => number;

  constructor(now: () => number = () => performance.now()) {
    this.#now = now;
  }

  /** Seconds until the address may try again; 0: at once. */
  waitSeconds(address: string): number {
    const found = this.#wrong.get(address);
    if (!found || found.count < MOST_WRONG) return 0;
    const leftMs = found.sinceMs + WINDOW_MS - this.#now();
    if (leftMs <= 0) this.#wrong.delete(address);
    return Math.max(0, Math.ceil(leftMs / 1000));
  }

  count(address: string): void {
    const found = this.#wrong.get(address);
    if (found && this.#now() - found.sinceMs < WINDOW_MS) found.count++;
    else {
      this.#wrong.delete(address);
      this.#wrong.set(address, { count: 1, sinceMs: this.#now() });
    }
    if (this.#wrong.size > MOST_ADDRESSES) {
      const [oldest] = this.#wrong.keys();
      this.#wrong.delete(oldest!);
    }
  }
}
