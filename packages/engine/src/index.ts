export { openBuild } from "./build.js";
export type { Build, BuildOutput, BuildRequest, BuildResult, OpenOptions } from "./build-types.js";
export { diffRecordFiles, readRecordFile, type RecordDiff } from "./diff-records.js";
export { describeEnvironment } from "./environment.js";
export type { BuildLockWait, EngineEvent, EngineWarning, Parsed, Parsing, Step } from "./events.js";
export { openFileDigests, type FileDigests } from "./file-digests.js";
export { readMachineSettings, type MachineSettings } from "./run-settings.js";
export { graphData, type GraphData, type GraphRecipe, type GraphTask } from "./graph-data.js";
export { graphPage } from "./graph-page.js";
export { completionNames } from "./names.js";
export {
  foldersBeside,
  recordFile,
  SignatureRecords,
  type RecordFile,
  type RecordFolders,
} from "./records.js";
export type { PruneRequest, SharedState } from "./shared-state.js";
export { hostToolchain, linkHostTools, toolDigests, type HostToolsRequest } from "./tools.js";
export type { PendingCause, PendingTask, Reason, WhatChanged } from "./what-changed.js";
