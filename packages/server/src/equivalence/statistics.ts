/** How long requests take, as `get-stats` tells it: in seconds. */

export interface Times {
  readonly num: number;
  readonly total_time: number;
  readonly max_time: number;
  readonly average: number;
  readonly stdev: number;
}

export class Statistics {
  #count = 0;
  #total = 0;
  #longest = 0;
  /** Mean, and sum of squared distances from it. @see Chan, Golub, LeVeque 1979, for groups of values */
  #mean = 0;
  #squares = 0;

  /** @param count of requests that took so long, each */
  add(seconds: number, count = 1): void {
    const all = this.#count + count;
    this.#total += seconds * count;
    this.#longest = Math.max(this.#longest, seconds);
    const distance = seconds - this.#mean;
    this.#squares += (distance * distance * this.#count * count) / all;
    this.#mean += (distance * count) / all;
    this.#count = all;
  }

  get(): Times {
    const num = this.#count;
    return {
      num,
      total_time: this.#total,
      max_time: this.#longest,
      average: num === 0 ? 0 : this.#total / num,
      stdev: num < 2 ? 0 : Math.sqrt(this.#squares / (num - 1)),
    };
  }

  /** @returns what was until now */
  reset(): Times {
    const before = this.get();
    this.#count = this.#total = this.#longest = this.#mean = this.#squares = 0;
    return before;
  }
}
