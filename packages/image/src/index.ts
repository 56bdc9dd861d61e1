export { capabilityText } from "./capabilities.js";
export { systemdArchitecture } from "./architecture.js";
export { IMAGE_TYPES, RAW_TYPES, convert, uuidOf, type ConvertOptions } from "./convert.js";
export { installedClosure, installedSizeBytes } from "./closure.js";
export {
  LEVEL_POLICIES,
  extensionRelease,
  extensionReleasePath,
  levelOf,
  type ExtensionStamp,
  type LevelPolicy,
} from "./extension-release.js";
export { formatFacts, parseFacts, type LayerFacts, type PackageFact, type ScriptFact } from "./facts.js";
export { isTreePath, type FileEntry, type FileKind } from "./file-entry.js";
export { FileIndex, formatFileManifest, parseFileManifest } from "./file-manifest.js";
export { formatOsRelease, parseOsRelease, type OsRelease } from "./os-release.js";
export {
  planExtension,
  type Decision,
  type Plan,
  type PlanRequest,
  type PlannedEntry,
  type Reported,
} from "./plan.js";
export { recipePackageFolders } from "./recipe-packages.js";
export {
  formatManifest,
  formatReport,
  formatSummary,
  savedBytes,
  type ExtensionFacts,
  type OutputFact,
  type ResultRequest,
} from "./result.js";
export { parseRules, pathMatcher, ruleFor, type Rule, type RuleAction } from "./rules.js";
export { openSnapshot, snapshotFiles, writeSnapshot, type Snapshot, type SnapshotFacts } from "./snapshot.js";
export { SNAPSHOT_TYPES, packSnapshot, snapshotFolder } from "./snapshot-archive.js";
export { makeExtension, type SysextOptions, type SysextResult } from "./sysext.js";
export { TarFile, type TarMember } from "./tar-index.js";
export { TarWriter } from "./tar-writer.js";
export { tmpfilesLine } from "./tmpfiles.js";
