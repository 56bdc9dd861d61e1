/** In which order the items of each column stand, so that few lines cross each other. */
import type { RankedGraph } from "./ranks.js";

const SWEEPS = 12;

/** Columns in their new order: from left to right and back, each item goes to the middle of its neighbours; the best of all passes. */
export function ordered({ items, columns, next }: RankedGraph): number[][] {
  const previous: number[][] = items.map(() => []);
  for (const [from, all] of next.entries()) for (const to of all) previous[to]!.push(from);
  const places = new Float64Array(items.length);
  const note = (column: readonly number[]): void => {
    for (const [place, item] of column.entries()) places[item] = place;
  };
  const current = columns.map((column) => [...column]);
  for (const column of current) note(column);
  let best = current.map((column) => [...column]);
  let fewest = crossings(current, next, places);
  for (let sweep = 0; sweep < SWEEPS && fewest > 0; sweep++) {
    const [neighbours, order] = sweep % 2 === 0 ? [previous, current] : [next, current.toReversed()];
    for (const column of order) {
      const middles = new Map(column.map((item) => [item, middle(neighbours[item]!, places, places[item]!)]));
      column.sort((one, other) => middles.get(one)! - middles.get(other)! || places[one]! - places[other]!);
      note(column);
    }
    const now = crossings(current, next, places);
    if (now >= fewest) continue;
    fewest = now;
    best = current.map((column) => [...column]);
  }
  return best;
}

function middle(neighbours: readonly number[], places: Float64Array, otherwise: number): number {
  if (neighbours.length === 0) return otherwise;
  return neighbours.reduce((sum, item) => sum + places[item]!, 0) / neighbours.length;
}

/**
 * How often lines cross between neighbouring columns.
 *
 * @see Barth, Jünger, Mutzel: Simple and efficient bilayer cross counting (2002), with a Fenwick tree
 */
function crossings(
  columns: readonly (readonly number[])[],
  next: readonly (readonly number[])[],
  places: Float64Array,
): number {
  let sum = 0;
  for (const [at, column] of columns.entries()) {
    const size = columns[at + 1]?.length ?? 0;
    const tree = new Uint32Array(size + 1);
    let all = 0;
    for (const item of column) {
      const ends = next[item]!.map((one) => places[one]!);
      for (const end of ends) {
        let below = 0;
        for (let place = end + 1; place > 0; place -= place & -place) below += tree[place]!;
        sum += all - below;
      }
      for (const end of ends)
        for (let place = end + 1; place <= size; place += place & -place) tree[place]!++;
      all += ends.length;
    }
  }
  return sum;
}
