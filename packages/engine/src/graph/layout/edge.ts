/** A line of a graph: numbers of two boxes. */
export interface LayoutEdge {
  readonly from: number;
  readonly to: number;
}
