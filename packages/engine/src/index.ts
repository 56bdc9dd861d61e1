export { lockBuild, openBuild } from "./open-build.js";
export type {
  Build,
  BuildOutput,
  BuildRequest,
  BuildResult,
  BundleResult,
  LockedBuild,
  StoredTree,
  OpenOptions,
} from "./build-types.js";
export {
  diffRecordFiles,
  readRecordFile,
  type RecordDiff,
  SignatureRecords,
  type RecordFile,
  type RecordFolders,
  type PendingCause,
  type PendingTask,
  type Reason,
  type WhatChanged,
} from "./records/index.js";
export {
  describeEnvironment,
  folderNameProblem,
  readMachineSettings,
  type MachineSettings,
  hostToolchain,
  linkHostTools,
  ownCode,
  signedPrograms,
  toolDigests,
  type HostToolsRequest,
} from "./settings/index.js";
export { writeImagingLayer, type ImagingLayer } from "./imaging/index.js";
export { showBundle, verifyBundle, type BundleManifest } from "./bundle/index.js";
export type { BuildLockWait, EngineEvent, EngineWarning, Parsed, Parsing, Step } from "./events.js";
export { openFileDigests, type FileDigests } from "./signing/index.js";
export {
  criticalPath,
  type GraphData,
  type GraphRecipe,
  type GraphTask,
  graphPage,
  layOut,
  reduced,
  type Layout,
  type LayoutEdge,
} from "./graph/index.js";
export { taskName } from "./phases/index.js";
export { tracedTasks, traceFolder, tracedPatch, type TracedTask, WorkTrace } from "./trace/index.js";
export { completionNames } from "./names.js";
export { lockRepositories } from "./lock-project.js";
export {
  deployedImage,
  imageFiles,
  DoneNotes,
  readLastDone,
  type DeployedImage,
  extensionRecipes,
  type ExtensionRecipe,
  type RecipeLookup,
  type ImageBase,
  type ImageFiles,
  type PruneRequest,
  type SharedState,
} from "./state/index.js";
