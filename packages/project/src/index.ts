export { locateBuild, type BuildLocation } from "./locate.js";
export { writeNewProject, type NewProject } from "./new-project.js";
export { projectEnvironment, writeConfiguration } from "./configuration.js";
export { lockProject, type LockedRepository } from "./repos/lock.js";
export { readProjectFile, type BringOptions, type ProjectFile, type ProjectOptions } from "./project-file.js";
