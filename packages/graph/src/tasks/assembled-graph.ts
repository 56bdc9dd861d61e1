/** A finished graph: numbers inside, task ids outside, graphology's graph for who wants to walk it. */
import { DirectedGraph } from "graphology";
import type { Adjacency } from "./cycle.js";
import { taskId } from "../ids.js";
import type { TaskEdge, TaskGraph, TaskId, TaskNode } from "../types.js";

/** Everything by number; numbers are in the order of labels. */
export interface GraphParts {
  readonly nodes: readonly TaskNode[];
  readonly labels: readonly string[];
  readonly needs: Adjacency;
  readonly order: readonly number[];
  readonly targets: readonly number[];
  why(number: number, need: number): string;
}

export class AssembledGraph implements TaskGraph {
  readonly targets: readonly TaskId[];
  readonly order: readonly TaskId[];
  readonly #parts: GraphParts;
  readonly #ids: readonly TaskId[];
  readonly #numbers: ReadonlyMap<TaskId, number>;
  readonly #needs: (readonly TaskId[] | undefined)[] = [];
  #graph: DirectedGraph<TaskNode, TaskEdge> | undefined;

  constructor(parts: GraphParts) {
    this.#parts = parts;
    this.#ids = parts.nodes.map(({ recipe, task }) => taskId(recipe, task));
    this.#numbers = new Map(this.#ids.map((id, number) => [id, number]));
    this.targets = parts.targets.map((number) => this.#ids[number]!);
    this.order = parts.order.map((number) => this.#ids[number]!);
  }

  get graph(): DirectedGraph<TaskNode, TaskEdge> {
    return (this.#graph ??= this.#build());
  }

  node(task: TaskId): TaskNode {
    return this.#parts.nodes[this.#number(task)]!;
  }

  has(task: TaskId): boolean {
    return this.#numbers.has(task);
  }

  label(task: TaskId): string {
    return this.#parts.labels[this.#number(task)]!;
  }

  needs(task: TaskId): readonly TaskId[] {
    const number = this.#number(task);
    return (this.#needs[number] ??= this.#parts.needs[number]!.map((need) => this.#ids[need]!));
  }

  #number(task: TaskId): number {
    const number = this.#numbers.get(task);
    if (number === undefined) throw new Error(`internal: ${task} is not in the graph`);
    return number;
  }

  #build(): DirectedGraph<TaskNode, TaskEdge> {
    const graph = new DirectedGraph<TaskNode, TaskEdge>();
    // Reasons are few, edges many: they share their attributes.
    const edges = new Map<string, TaskEdge>();
    for (const number of this.#parts.order) {
      graph.addNode(this.#ids[number]!, this.#parts.nodes[number]!);
      for (const need of this.#parts.needs[number]!) {
        const why = this.#parts.why(number, need);
        let edge = edges.get(why);
        if (!edge) edges.set(why, (edge = { why }));
        graph.addDirectedEdge(this.#ids[number]!, this.#ids[need]!, edge);
      }
    }
    return graph;
  }
}
