/**
 * The task graph for others: as data, as files, as a page.
 */
export { type GraphData, type GraphRecipe, type GraphTask } from "./graph-data.js";
export { writeGraphFiles } from "./graph-files.js";
export { graphPage } from "./page/graph-page.js";
export { criticalPath } from "./critical-path.js";
export { layOut, reduced, type Layout, type LayoutEdge } from "./layout/index.js";
