export { cachedNames, type CachedNames } from "./cache/cached-names.js";
export { passedEnvironment } from "./configuration/environment.js";
export { feedSourceLines } from "./recipe/extract.js";
export type { FilePlace, RecipeId, RecipeInfo, TaskInfo } from "./recipe/info.js";
export {
  multiconfigOf,
  recipeLabel,
  splitMulticonfig,
  variantWord,
  withMulticonfig,
} from "./configuration/multiconfig.js";
export { withoutNeeds, type WantedFile } from "./files/one-file.js";
export { INCLUDE_HISTORY } from "./configuration/configuration.js";
export { parseProject } from "./project/project.js";
export { needsPython } from "./configuration/python-session.js";
export type { BaseSigner, Layer, ParsedProject, ParseOptions } from "./project/types.js";
export { openProviders, type Providers, type Wanted } from "./providers/providers.js";
export { namePattern } from "./files/pattern.js";
