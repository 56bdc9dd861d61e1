/** `-n`: the loop of a run in which nothing is done. */
import type { RunParts } from "./parts.js";

/** A dry run: everything that would happen, told in an order in which it could. @returns whether it came to the end */
export function rehearse(parts: RunParts): boolean {
  const { board, forecast, nodes, options, report } = parts;
  const todo = nodes.todo();
  for (const node of todo) board.move(node, { at: "waiting", open: 0, isNumbered: nodes.takesANumber(node) });
  for (const node of todo) {
    if (options.stop?.aborted) return false;
    if (nodes.isLeftOut(node) || nodes.isDoneByWaiting(node)) continue;
    if (nodes.isInstant(node)) {
      board.move(node, { at: "done", how: "noexec" });
      report.ended(node, "noexec", 0);
      continue;
    }
    const how = nodes.isRestore(node) ? "restored" : "ran";
    board.move(node, { at: "running", isNumbered: true, holds: [] });
    report.started(node, forecast.expectedMs(node));
    board.move(node, { at: "done", how });
    report.ended(node, how, 0);
  }
  return true;
}
