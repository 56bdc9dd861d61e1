/**
 * The task graph for others: as data, as files, as a page.
 */
export { type GraphData, type GraphRecipe, type GraphTask } from "./graph-data.js";
export { writeGraphFiles } from "./graph-files.js";
export { graphPage } from "./graph-page.js";
