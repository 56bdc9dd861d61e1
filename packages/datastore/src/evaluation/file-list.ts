/** The files that a datastore was made from: a list that copies share and each extends on its own. */

/** Immutable for its holder; `add` costs the same however long the list is. */
export class FileList implements Iterable<string> {
  readonly #places: Map<string, number>;
  readonly #length: number;

  private constructor(places: Map<string, number>, length: number) {
    this.#places = places;
    this.#length = length;
  }

  static empty(): FileList {
    return new FileList(new Map(), 0);
  }

  has(path: string): boolean {
    const place = this.#places.get(path);
    return place !== undefined && place < this.#length;
  }

  /** The list with `path` at its end, or this one when it is there already. */
  add(path: string): FileList {
    if (this.has(path)) return this;
    // Whoever extends the longest list extends the shared table; anyone else takes a copy of its own part.
    const places =
      this.#places.size === this.#length ? this.#places : new Map([...this.#places].slice(0, this.#length));
    places.set(path, this.#length);
    return new FileList(places, this.#length + 1);
  }

  *[Symbol.iterator](): Iterator<string> {
    let index = 0;
    for (const path of this.#places.keys()) {
      if (index++ >= this.#length) return;
      yield path;
    }
  }
}
