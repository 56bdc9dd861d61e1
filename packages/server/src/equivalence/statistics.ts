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
  /** Mean, and sum of squared distances from it. @see Welford 1962 */
  #mean = 0;
  #squares = 0;

  add(seconds: number): void {
    this.#count++;
    this.#total += seconds;
    this.#longest = Math.max(this.#longest, seconds);
    const before = seconds - this.#mean;
    this.#mean += before / this.#count;
    this.#squares += before * (seconds - this.#mean);
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
