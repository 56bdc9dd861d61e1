/**
 * The shared state as a build folder has it: the store behind its variables, its upkeep, what came out of it.
 */
export { deployedImage, imageFiles, type DeployedImage, type ImageFiles } from "./images.js";
export { buildOutputs, verifiedOutputs } from "./outputs.js";
export { projectSharedState } from "./project-state.js";
export type { PruneRequest, SharedState } from "./shared-state.js";
