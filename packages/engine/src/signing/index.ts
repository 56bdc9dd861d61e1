/**
 * What signatures are made of beside the metadata: digests of files, taints, locked signatures.
 */
export { openFileDigests, type FileDigests } from "./file-digests.js";
