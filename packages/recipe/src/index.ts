export { cachedNames, type CachedNames } from "./cached-names.js";
export { passedEnvironment } from "./environment.js";
export type { FilePlace, RecipeId, RecipeInfo, TaskInfo } from "./info.js";
export {
  multiconfigOf,
  recipeId,
  recipeLabel,
  splitMulticonfig,
  variantWord,
  withMulticonfig,
} from "./multiconfig.js";
export { withoutNeeds, type WantedFile } from "./one-file.js";
export { INCLUDE_HISTORY } from "./configuration.js";
export { parseProject } from "./project.js";
export { needsPython } from "./python-session.js";
export type { BaseSigner, Layer, ParsedProject, ParseOptions } from "./project-types.js";
export { openProviders, type Providers, type Wanted } from "./providers.js";
export { namePattern } from "./pattern.js";
