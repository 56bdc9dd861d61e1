/**
 * Trees as bytes: tar inside, file systems and archives outside; same tree, same bytes.
 */
export { capabilityText } from "./capabilities.js";
export { systemdArchitecture } from "./architecture.js";
export { IMAGE_TYPES, type ConvertOptions } from "./convert.js";
export { joinSignature } from "./disk/signature.js";
export { uuidOf } from "./tools.js";
