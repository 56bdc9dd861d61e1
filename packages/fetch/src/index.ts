export { parseSourceUri, type SourceUri } from "./source-uri.js";
export type { FetchOptions } from "./options.js";
export { fetchSource, removeSource, unpackSource } from "./fetch.js";
export { checksumFiles } from "./local.js";
export { applyPatches, type PatchOptions } from "./patch/apply.js";
