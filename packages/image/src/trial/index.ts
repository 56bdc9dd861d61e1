/** Extensions tried on their base, without a device. */
export { openMergedTree, runInTree, type MergedOptions, type MergedTree } from "./merged-tree.js";
export { boot, type BootOptions } from "./booted.js";
export type { Booted } from "./system.js";
