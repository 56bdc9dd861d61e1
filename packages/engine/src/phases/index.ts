/**
 * The phases of a build, each to be had from the one before only: hold the folders, parse, plan, sign, execute.
 */
export type { BuildContext } from "./context.js";
export { updateFeed } from "./feeds.js";
export type { HeldFolders } from "./folders.js";
export type { ParsedFolder } from "./parse.js";
export { feedRequest, planBuild } from "./plan.js";
export { taskName } from "./targets.js";
