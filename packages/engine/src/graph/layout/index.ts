/**
 * Boxes and lines of a graph that has a direction, from left to right, such that no line crosses a box: ranks, order, heights,
 * routes (Sugiyama's steps). Pure arithmetic: same graph, same drawing.
 */
export type { LayoutEdge } from "./edge.js";
export { layOut, type Layout } from "./layout.js";
export { reduced } from "./reduce.js";
