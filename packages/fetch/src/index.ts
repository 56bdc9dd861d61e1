export { parseSourceUri, type SourceUri } from "./source/source-uri.js";
export type { FetchOptions } from "./settings/options.js";
export { fetchSource, removeSource, unpackSource } from "./source/fetch.js";
export { checksumFiles } from "./source/local.js";
export { applyPatches, type PatchOptions } from "./patch/apply.js";
