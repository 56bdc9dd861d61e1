/** Which column each box stands in, and what carries a line through the columns between. */
import type { LayoutEdge } from "./edge.js";

/** Something in a column: a box, or where a line passes. Its number is its place in the list. */
export interface Item {
  readonly rank: number;
  /** Absent where only a line passes. */
  readonly box?: number;
}

/** A graph whose lines go from one column to the next. */
export interface RankedGraph {
  /** Boxes first, with their own numbers. */
  readonly items: readonly Item[];
  /** Items of each column. */
  readonly columns: readonly (readonly number[])[];
  /** From an item to those in the next column that it leads to. */
  readonly next: readonly (readonly number[])[];
  /** For each line asked for the items on its way, from left to right. */
  readonly routes: readonly (readonly number[])[];
}

/** @param mostItems beyond that nothing is made of it @returns undefined when the lines are too long or too many */
export function ranked(
  count: number,
  edges: readonly LayoutEdge[],
  mostItems: number,
): RankedGraph | undefined {
  const forward = edges.map(({ from, to }): readonly [number, number] =>
    from < to ? [from, to] : [to, from],
  );
  const ranks = ranksOf(count, forward);
  const items: Item[] = ranks.map((rank, box) => ({ rank, box }));
  const next: number[][] = items.map(() => []);
  /** Where lines that come from a box pass: all of them go the same way as long as they can. */
  const ways = new Map<number, number[]>();
  const routes: number[][] = [];
  const known = new Set<string>();
  for (const [from, to] of forward) {
    const way = ways.get(from) ?? [];
    ways.set(from, way);
    const passes = ranks[to]! - ranks[from]! - 1;
    while (way.length < passes) {
      way.push(items.length);
      items.push({ rank: ranks[from]! + way.length });
      next.push([]);
      if (items.length > mostItems) return undefined;
    }
    const route = [from, ...way.slice(0, passes), to];
    for (let at = 1; at < route.length; at++) {
      const [left, right] = [route[at - 1]!, route[at]!];
      const name = `${left} ${right}`;
      if (!known.has(name)) next[left]!.push(right);
      known.add(name);
    }
    routes.push(route);
  }
  const columns: number[][] = Array.from({ length: Math.max(0, ...ranks) + 1 }, () => []);
  for (const [number, { rank }] of items.entries()) columns[rank]!.push(number);
  return { items, columns, next, routes };
}

/** As far to the left as what a box needs lets it; then to the right, where that makes lines shorter. */
function ranksOf(count: number, forward: readonly (readonly [number, number])[]): number[] {
  const before: number[][] = Array.from({ length: count }, () => []);
  const after: number[][] = Array.from({ length: count }, () => []);
  for (const [from, to] of forward) {
    before[to]!.push(from);
    after[from]!.push(to);
  }
  const ranks: number[] = [];
  for (let at = 0; at < count; at++)
    ranks.push(before[at]!.reduce((most, one) => Math.max(most, ranks[one]! + 1), 0));
  for (let at = count - 1; at >= 0; at--) {
    if (after[at]!.length === 0 || after[at]!.length < before[at]!.length) continue;
    ranks[at] = after[at]!.reduce((least, one) => Math.min(least, ranks[one]! - 1), Number.MAX_SAFE_INTEGER);
  }
  // A column without a box would be a gap.
  const used = [...new Set(ranks)].sort((one, other) => one - other);
  const places = new Map(used.map((rank, place) => [rank, place]));
  return ranks.map((rank) => places.get(rank)!);
}
