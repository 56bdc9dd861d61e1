/**
 * What the steps of an image tell one another and people: packages, files, sizes, the report.
 */
export { installedClosure } from "./closure.js";
export {
  formatFacts,
  parseFacts,
  type LayerFacts,
  type NarrowedMode,
  type PackageFact,
  type ScriptFact,
} from "./facts.js";
export { FileIndex, formatFileManifest, parseFileManifest } from "./file-manifest.js";
export { biggestFiles, biggestPackages, contentBytes, parseMaxSize } from "./size.js";
export { recipePackageFolders } from "./recipe-packages.js";
export type { PathDecision, Reported } from "./reported.js";
export {
  formatManifest,
  formatReport,
  formatSummary,
  savedBytes,
  type ExtensionFacts,
  type OutputFact,
  type ResultRequest,
} from "./result.js";
