/**
 * What must not be in a tree, looked for where the tree is packed.
 */
export { holdsPrivateKey, type KeyCheck } from "./private-keys.js";
