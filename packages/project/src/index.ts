export { locateBuild, type BuildLocation } from "./locate.js";
export { projectEnvironment, readProjectFile, writeConfiguration, type ProjectFile } from "./project-file.js";
