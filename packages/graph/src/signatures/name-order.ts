/**
 * Sorts the names of one recipe after another. Most names come with every recipe: those are sorted as numbers, by their
 * place among all that were seen, and only the new ones as text.
 */
import { byText } from "@tsbake/base";

/** Names kept; beyond this many the order starts again. */
const MOST = 200_000;
/** Larger than any index into the names of one recipe. */
const SHIFT = 2 ** 24;

export class NameOrder {
  #places: ReadonlyMap<string, number> = new Map();
  /** Seen since the places were given. */
  #pending = new Set<string>();

  /** Indexes of `names`, which are all different, in the order of the names. */
  sort(names: readonly string[]): number[] {
    const known: number[] = [];
    const unknown: number[] = [];
    names.forEach((name, index) => {
      const place = this.#places.get(name);
      if (place === undefined) unknown.push(index);
      else known.push(place * SHIFT + index);
    });
    const sorted = Array.from(Float64Array.from(known).sort(), (key) => key % SHIFT);
    if (unknown.length === 0) return sorted;
    unknown.sort((left, right) => byText(names[left]!, names[right]!));
    for (const index of unknown) this.#pending.add(names[index]!);
    if (this.#pending.size > 500 + this.#places.size / 4) this.#renew();
    return merge(names, sorted, unknown);
  }

  #renew(): void {
    const kept = this.#places.size + this.#pending.size > MOST ? [] : [...this.#places.keys()];
    const all = [...kept, ...this.#pending].sort(byText);
    this.#places = new Map(all.map((name, place) => [name, place]));
    this.#pending = new Set();
  }
}

/** Two sorted lists of indexes as one. */
function merge(names: readonly string[], left: readonly number[], right: readonly number[]): number[] {
  const merged: number[] = [];
  let at = 0;
  for (const index of right) {
    while (at < left.length && names[left[at]!]! < names[index]!) merged.push(left[at++]!);
    merged.push(index);
  }
  while (at < left.length) merged.push(left[at++]!);
  return merged;
}
