/** Lines that follow from others: A → C where there is A → B → C. */
import type { LayoutEdge } from "./edge.js";

/**
 * What is left without them. Lines against the order of the boxes stay.
 *
 * @param count of the boxes, which stand in an order in which most lines go forward
 * @param isKept lines that stay whatever follows
 */
export function reduced(
  count: number,
  edges: readonly LayoutEdge[],
  isKept: (edge: LayoutEdge) => boolean,
): LayoutEdge[] {
  const after: number[][] = Array.from({ length: count }, () => []);
  for (const { from, to } of edges) if (from < to) after[from]!.push(to);
  const words = Math.ceil(count / 32);
  /** A bit for each box that is reached from this one. */
  const reach = Array.from({ length: count }, () => new Uint32Array(words));
  const followed = new Set<number>();
  for (let at = count - 1; at >= 0; at--) {
    const own = reach[at]!;
    for (const next of after[at]!.toSorted((one, other) => one - other)) {
      if (((own[next >> 5]! >>> (next & 31)) & 1) === 1) followed.add(at * count + next);
      else for (const [word, bits] of reach[next]!.entries()) own[word]! |= bits;
      own[next >> 5]! |= 1 << (next & 31);
    }
  }
  return edges.filter((edge) => !followed.has(edge.from * count + edge.to) || isKept(edge));
}
