/**
 * What must not be in a tree, looked for where the tree is packed; and what of an extension will not work on its base.
 */
export { holdsPrivateKey, type KeyCheck } from "./private-keys.js";
export { checkExtension } from "./check.js";
export type { Base, Extension } from "./context.js";
export { type CheckReport, type Code, type Finding, parseCheckReport } from "./finding.js";
export { CODES } from "./rules/table.js";
