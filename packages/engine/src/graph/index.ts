/**
 * The task graph for others: as data, as files, as a page.
 */
export { graphData, type GraphData, type GraphRecipe, type GraphTask } from "./graph-data.js";
export { describeBuildList, describeTaskGraph } from "./graph-files.js";
export { graphPage } from "./graph-page.js";
