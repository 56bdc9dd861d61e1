export { locateBuild, type BuildLocation } from "./locate.js";
export { projectEnvironment, writeConfiguration } from "./configuration.js";
export { readProjectFile, type ProjectFile } from "./project-file.js";
