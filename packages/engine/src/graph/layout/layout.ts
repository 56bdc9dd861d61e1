/** A whole layout: sizes of boxes and what leads where → places and lines. Lengths are in units of the drawing. */
import type { LayoutEdge } from "./edge.js";
import { heights } from "./heights.js";
import { ordered } from "./order.js";
import { ranked } from "./ranks.js";

export interface LayoutRequest {
  /** In an order in which most edges go forward. */
  readonly boxes: readonly { readonly width: number }[];
  readonly boxHeight: number;
  readonly edges: readonly LayoutEdge[];
}

export interface PlacedBox {
  /** Left upper corner. */
  readonly x: number;
  readonly y: number;
  readonly width: number;
}

export interface Layout {
  readonly width: number;
  readonly height: number;
  /** As asked. */
  readonly boxes: readonly PlacedBox[];
  /** Data of an SVG path for each edge as asked, always from left to right. */
  readonly lines: readonly string[];
}

/** Between two boxes, a box and a line, two lines, that are one above the other. */
const [BOX_SPACE, LINE_SPACE, LINES_SPACE] = [14, 10, 8];
const MARGIN = 12;
/** Between columns: wider where many lines go. */
const [LEAST_GAP, MOST_GAP, GAP_OF_LINE] = [44, 140, 2];
/** A flat drawing is pulled apart, up to so much, until it is so many times as wide as high. */
const [MOST_STRETCH, WANTED_SHAPE] = [3, 1.7];
/** More do not end within seconds, and nobody would find anything in them. */
const MOST_ITEMS = 60_000;

/**
 * Lines go straight through a column, in a place of their own, and bend only between columns, where no box is.
 *
 * @returns undefined for a graph that is too large
 */
export function layOut({ boxes, boxHeight, edges }: LayoutRequest): Layout | undefined {
  const graph = ranked(boxes.length, edges, MOST_ITEMS);
  if (graph === undefined) return undefined;
  const { items, next, routes } = graph;
  const columns = ordered(graph);
  const isBox = (item: number): boolean => items[item]!.box !== undefined;
  const middles = heights(graph, columns, (above, below) => {
    if (isBox(above) && isBox(below)) return boxHeight + BOX_SPACE;
    return isBox(above) || isBox(below) ? boxHeight / 2 + LINE_SPACE : LINES_SPACE;
  });
  const lefts: number[] = [];
  const rights: number[] = [];
  let left = MARGIN;
  for (const column of columns) {
    const width = column.reduce((most, item) => Math.max(most, boxes[item]?.width ?? 0), 0);
    const lines = column.reduce((sum, item) => sum + next[item]!.length, 0);
    lefts.push(left);
    rights.push(left + width);
    left += width + Math.min(MOST_GAP, LEAST_GAP + lines * GAP_OF_LINE);
  }
  const width = (rights.at(-1) ?? 0) + MARGIN;
  const lowest = middles.reduce((most, one) => Math.max(most, one), 0);
  const stretch = Math.min(MOST_STRETCH, Math.max(1, width / WANTED_SHAPE / (lowest + boxHeight)));
  const y = (item: number): number => middles[item]! * stretch + MARGIN + boxHeight / 2;
  const placed = boxes.map(({ width }, box) => ({
    x: lefts[items[box]!.rank]!,
    y: round(y(box) - boxHeight / 2),
    width,
  }));
  return {
    width,
    height: Math.ceil(lowest * stretch + boxHeight + 2 * MARGIN),
    boxes: placed,
    lines: routes.map((route) => {
      const [first] = route;
      const parts = [`M${placed[first!]!.x + placed[first!]!.width} ${round(y(first!))}`];
      for (let at = 1; at < route.length; at++) {
        const [item, before] = [route[at]!, route[at - 1]!];
        const [x1, x2] = [rights[items[before]!.rank]!, lefts[items[item]!.rank]!];
        const half = round((x1 + x2) / 2);
        parts.push(`H${x1}C${half} ${round(y(before))} ${half} ${round(y(item))} ${x2} ${round(y(item))}`);
      }
      return parts.join("");
    }),
  };
}

function round(length: number): number {
  return Math.round(length * 10) / 10;
}
