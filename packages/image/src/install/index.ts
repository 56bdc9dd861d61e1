/**
 * do_rootfs: packages into a root. A base is made from nothing; an extension on the database of a base, or on its tree where
 * something has to run.
 */
export { installBase } from "./base.js";
export { installExtension } from "./extension.js";
export { installOnTemplate } from "./template.js";
export { writeStackedTree, type StackedTreeRequest } from "./stacked-tree.js";
export { FEATURES, SCRIPT_POLICIES, type InstallOptions } from "./options.js";
