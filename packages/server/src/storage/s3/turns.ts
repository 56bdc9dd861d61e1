/** Work on one name, one after the other. */

export class Turns {
  readonly #last = new Map<string, Promise<void>>();

  /** Does the work when all before it on this name is done, however that has ended. */
  async take<Result>(name: string, work: () => Promise<Result>): Promise<Result> {
    const before = this.#last.get(name);
    const own = Promise.resolve(before).then(work);
    const settled = Promise.allSettled([own]).then(() => undefined);
    this.#last.set(name, settled);
    try {
      return await own;
    } finally {
      if (this.#last.get(name) === settled) this.#last.delete(name);
    }
  }
}
