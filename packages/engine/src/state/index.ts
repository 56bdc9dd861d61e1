/**
 * The shared state as a build folder has it: the store behind its variables, its upkeep, what came out of it.
 */
export { extensionRecipes, type ExtensionRecipe, type RecipeLookup } from "./extensions.js";
export {
  deployedImage,
  imageBase,
  imageFiles,
  imageRecipe,
  sysrootFolder,
  type DeployedImage,
  type ImageBase,
  type ImageFiles,
} from "./images.js";
export { buildOutputs, verifiedOutputs } from "./outputs.js";
export { projectSharedState } from "./project-state.js";
export type { PruneRequest, SharedState } from "./shared-state.js";
export { DoneNotes, readLastDone, type Done } from "./last-done.js";
