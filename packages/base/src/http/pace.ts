/**
 * How slow a transfer may be. A server that sends a byte now and then is never silent, and would hold a build for good:
 * what counts is how much comes in a stretch of time.
 */

export interface PaceLimit {
  /** The stretch. */
  readonly windowMs: number;
  /** Bytes a second, on average over the stretch. 0: as slow as it likes. */
  readonly bytesPerSecond: number;
}

/** A stretch is so many ticks: a process that slept, or was kept busy, has had one tick and not ten. */
const TICKS = 10;

/** Watches one transfer until it is closed. */
export class Pace {
  readonly #timer: NodeJS.Timeout | undefined;
  #now = 0;

  /** @param onSlow called once, after a whole stretch in which too little came */
  constructor({ windowMs, bytesPerSecond }: PaceLimit, onSlow: () => void) {
    if (bytesPerSecond <= 0) return;
    const least = (bytesPerSecond * windowMs) / 1000;
    const ticks: number[] = [];
    this.#timer = setInterval(() => {
      ticks.push(this.#now);
      this.#now = 0;
      if (ticks.length > TICKS) ticks.shift();
      if (ticks.length < TICKS || ticks.reduce((sum, one) => sum + one, 0) >= least) return;
      this.close();
      onSlow();
    }, windowMs / TICKS);
  }

  count(bytes: number): void {
    this.#now += bytes;
  }

  close(): void {
    clearInterval(this.#timer);
  }

  [Symbol.dispose](): void {
    this.close();
  }
}
