/**
 * An extension on a base: which paths ship, as what, and the stamp by which systemd-sysext takes it.
 */
export { EXTENSION_KINDS, type ExtensionKind } from "./extension-kind.js";
export { extensionRelease, levelOf, type ExtensionStamp, type LevelPolicy } from "./extension-release.js";
export { missingAlternatives } from "./alternatives.js";
export { narrowedModes, overrideRules } from "./modes.js";
export { planExtension, type ExtensionPlan, type ExtensionRequest } from "./plan.js";
export type { PlannedEntry } from "./planned-tree.js";
export { isUnit, makeExtension, type SysextOptions, type SysextResult } from "./sysext.js";
export { parseTmpfiles, tmpfilesLine, tmpfilesOf, type ShippedLine } from "./tmpfiles.js";
export { stacked, type StackedEntry } from "./stacked.js";
