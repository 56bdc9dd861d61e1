export { openBuild } from "./build.js";
export type { Build, BuildOutput, BuildRequest, BuildResult, OpenOptions } from "./build-types.js";
export { describeEnvironment } from "./environment.js";
export type { BuildLockWait, EngineEvent, EngineWarning, Parsed, Parsing, Step } from "./events.js";
export { openFileDigests, type FileDigests } from "./file-digests.js";
export { locateBuild, PROJECT_FILE, type BuildLocation } from "./locate.js";
export { projectEnvironment, readProjectFile, writeConfiguration, type ProjectFile } from "./project-file.js";
export { linkHostTools, toolDigests, type HostToolsRequest } from "./tools.js";
