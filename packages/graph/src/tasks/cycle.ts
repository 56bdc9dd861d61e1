/**
 * Circles in a graph of numbered nodes, and the order when there are none. Our own, since graphology's sort says only
 * that there is a circle, not where, and its check before each edge takes exponential time on diamonds.
 */

/** `needs[node]` are the nodes that must come before `node`. */
export type Adjacency = readonly (readonly number[])[];

/**
 * Nodes, needed ones first; among those that are free, the smallest number first. Kahn's algorithm with a heap:
 * O(E + V log V).
 *
 * @returns fewer nodes than there are when some stand in a circle or above one
 */
export function orderNodes(needs: Adjacency): number[] {
  const missing = new Int32Array(needs.length);
  const above: number[][] = needs.map(() => []);
  needs.forEach((list, node) => {
    missing[node] = list.length;
    for (const need of list) above[need]!.push(node);
  });
  const free = new Heap();
  missing.forEach((count, node) => {
    if (count === 0) free.push(node);
  });
  const order: number[] = [];
  for (let node = free.pop(); node !== undefined; node = free.pop()) {
    order.push(node);
    for (const next of above[node]!) {
      missing[next]! -= 1;
      if (missing[next] === 0) free.push(next);
    }
  }
  return order;
}

/** Smallest number first. */
class Heap {
  readonly #items: number[] = [];

  push(item: number): void {
    const items = this.#items;
    let at = items.length;
    items.push(item);
    while (at > 0) {
      const parent = (at - 1) >> 1;
      if (items[parent]! <= item) break;
      items[at] = items[parent]!;
      at = parent;
    }
    items[at] = item;
  }

  pop(): number | undefined {
    const items = this.#items;
    const top = items[0];
    const last = items.pop();
    if (last === undefined || items.length === 0) return top;
    let at = 0;
    for (;;) {
      let child = at * 2 + 1;
      if (child >= items.length) break;
      if (child + 1 < items.length && items[child + 1]! < items[child]!) child += 1;
      if (items[child]! >= last) break;
      items[at] = items[child]!;
      at = child;
    }
    items[at] = last;
    return top;
  }
}

/**
 * A shortest circle through the smallest node of each knot (strongly connected component of two nodes or more, or a
 * node that needs itself), as the nodes along it.
 */
export function findCycles(needs: Adjacency): number[][] {
  const cycles: number[][] = [];
  for (const knot of findKnots(needs)) {
    const members = new Set(knot);
    const start = Math.min(...knot);
    if (members.size > 1 || needs[start]!.includes(start)) cycles.push(shortestCycle(needs, start, members));
  }
  return cycles.sort((left, right) => left[0]! - right[0]!);
}

/** Breadth first from `start` back to it, inside the knot. */
function shortestCycle(needs: Adjacency, start: number, members: ReadonlySet<number>): number[] {
  const from = new Map<number, number>();
  const queue = [start];
  for (const node of queue) {
    for (const need of needs[node]!) {
      if (need === start) {
        const path = [node];
        while (path[0] !== start) path.unshift(from.get(path[0]!)!);
        return path;
      }
      if (!members.has(need) || from.has(need)) continue;
      from.set(need, node);
      queue.push(need);
    }
  }
  throw new Error("internal: a knot without a circle");
}

/** Tarjan's algorithm, without recursion. */
function findKnots(needs: Adjacency): number[][] {
  const index = new Int32Array(needs.length).fill(-1);
  const low = new Int32Array(needs.length);
  const isOpen = new Uint8Array(needs.length);
  const open: number[] = [];
  const knots: number[][] = [];
  let next = 0;
  const path: { node: number; at: number }[] = [];
  const enter = (node: number) => {
    index[node] = low[node] = next;
    next += 1;
    isOpen[node] = 1;
    open.push(node);
    path.push({ node, at: 0 });
  };
  for (let root = 0; root < needs.length; root += 1) {
    if (index[root] !== -1) continue;
    enter(root);
    for (let top = path.at(-1); top; top = path.at(-1)) {
      const { node } = top;
      const need = needs[node]![top.at];
      top.at += 1;
      if (need === undefined) {
        path.pop();
        const above = path.at(-1)?.node;
        if (above !== undefined) low[above] = Math.min(low[above]!, low[node]!);
        if (low[node] === index[node]) {
          const knot = open.splice(open.lastIndexOf(node));
          for (const member of knot) isOpen[member] = 0;
          knots.push(knot);
        }
      } else if (index[need] === -1) enter(need);
      else if (isOpen[need]) low[node] = Math.min(low[node]!, index[need]!);
    }
  }
  return knots;
}
