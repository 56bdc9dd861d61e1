/**
 * What is reached from a node, in the order of names. A recipe has some twenty tasks that reach the same thousand names
 * each: names are looked up once an edge and sorted once a recipe, the rest is numbers.
 */
import type { NameOrder } from "./name-order.js";

interface Named {
  readonly name: string;
  readonly needs: readonly string[];
}

export class Reach<Node extends Named> {
  readonly #nodes: readonly Node[];
  readonly #numberOf: (name: string) => number;
  readonly #needs: (readonly number[] | undefined)[] = [];
  /** The round in which a node was last reached. */
  readonly #seen: number[] = [];
  #round = 0;
  #sorted: readonly number[] = [];
  readonly #order: NameOrder;

  /** @param nodes by number; `numberOf` may make it longer */
  constructor(nodes: readonly Node[], numberOf: (name: string) => number, order: NameOrder) {
    this.#nodes = nodes;
    this.#order = order;
    this.#numberOf = numberOf;
  }

  from(start: number): Node[] {
    this.#round += 1;
    const stack = [start];
    for (let node = stack.pop(); node !== undefined; node = stack.pop()) {
      for (const need of (this.#needs[node] ??= this.#nodes[node]!.needs.map(this.#numberOf))) {
        if (this.#seen[need] === this.#round) continue;
        this.#seen[need] = this.#round;
        stack.push(need);
      }
    }
    if (this.#sorted.length !== this.#nodes.length) {
      this.#sorted = this.#order.sort(this.#nodes.map(({ name }) => name));
    }
    const found: Node[] = [];
    for (const node of this.#sorted) if (this.#seen[node] === this.#round) found.push(this.#nodes[node]!);
    return found;
  }
}
