/** How high each item stands in its column: near to its neighbours, and not over the one above. */
import type { RankedGraph } from "./ranks.js";

const SWEEPS = 10;
/** A line that passes should be straight more than a box should be in the middle. */
const LINE_WEIGHT = 4;

/**
 * @param columns in the order of the items
 * @param space between the middles of two items that stand one above the other
 * @returns the middle of each item, from 0 on
 */
export function heights(
  { items, next }: RankedGraph,
  columns: readonly (readonly number[])[],
  space: (above: number, below: number) => number,
): Float64Array {
  const previous: number[][] = items.map(() => []);
  for (const [from, all] of next.entries()) for (const to of all) previous[to]!.push(from);
  const y = new Float64Array(items.length);
  const weight = (item: number): number => (items[item]!.box === undefined ? LINE_WEIGHT : 1);
  const settle = (column: readonly number[], wish: (item: number) => number): void => {
    // Without the spaces the order is all that has to be kept.
    const offsets: number[] = [];
    for (const [at, item] of column.entries())
      offsets.push(at === 0 ? 0 : offsets[at - 1]! + space(column[at - 1]!, item));
    const wishes = column.map((item, at) => wish(item) - offsets[at]!);
    const settled = inOrder(wishes, column.map(weight));
    for (const [at, item] of column.entries()) y[item] = settled[at]! + offsets[at]!;
  };
  for (const column of columns) settle(column, () => 0);
  for (let sweep = 0; sweep < SWEEPS; sweep++) {
    const order = sweep % 2 === 0 ? columns : columns.toReversed();
    const isLast = sweep >= SWEEPS - 2;
    for (const column of order) {
      settle(column, (item) => {
        const near = sweep % 2 === 0 ? previous[item]! : next[item]!;
        const all = isLast || near.length === 0 ? [...previous[item]!, ...next[item]!] : near;
        return all.length === 0 ? y[item]! : all.reduce((sum, one) => sum + y[one]!, 0) / all.length;
      });
    }
  }
  const least = y.reduce((one, other) => Math.min(one, other), Number.POSITIVE_INFINITY);
  return y.map((one) => one - least);
}

/**
 * The numbers that never fall and are nearest to the wishes, by weighted squares.
 *
 * @see pool adjacent violators: Barlow, Bartholomew, Bremner, Brunk: Statistical Inference under Order Restrictions (1972)
 */
function inOrder(wishes: readonly number[], weights: readonly number[]): number[] {
  const pools: { value: number; weight: number; count: number }[] = [];
  for (const [at, value] of wishes.entries()) {
    let pool = { value, weight: weights[at]!, count: 1 };
    for (let last = pools.at(-1); last && last.value > pool.value; last = pools.at(-1)) {
      pools.pop();
      const weight = last.weight + pool.weight;
      pool = {
        value: (last.value * last.weight + pool.value * pool.weight) / weight,
        weight,
        count: last.count + pool.count,
      };
    }
    pools.push(pool);
  }
  return pools.flatMap(({ value, count }) => Array.from({ length: count }, () => value));
}
