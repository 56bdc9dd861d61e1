/**
 * What the configuration and the machine say of a build: variables that the engine itself reads, tools,
 * disks, the environment.
 */
export { namingDisks, writtenFolders } from "./disks.js";
export { describeEnvironment } from "./environment.js";
export { folderNameProblem } from "./folder-names.js";
export { readMachineSettings, type MachineSettings } from "./run-settings.js";
export { ownCode, toolDigests, type OwnCode } from "./own-code.js";
export { signedPrograms, type SignedPrograms } from "./programs.js";
export { hostToolchain, linkHostTools, type HostToolsRequest } from "./tools.js";
