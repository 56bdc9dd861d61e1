/**
 * What a task is made of, as one hash: variables, functions, files, needed tasks; one walk over
 * all of it, and the handlers that write it down.
 */
export { explainBase, openBaseSigner } from "./base-signer.js";
export { digestPath, type DigestCache, type DigestOptions } from "./file-digest.js";
export { listChecksums } from "./file-checksums.js";
export { openHandler } from "./handler.js";
export { signTasks } from "./sign.js";
export type { SignatureHandler } from "./writer.js";
