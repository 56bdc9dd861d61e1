/** `tsbake shell` and its commands: overlays over images, in which people try things and which they keep. */
export { shell } from "./open.js";
export { list, remove, reset } from "./kept.js";
export { commit, diff } from "./change.js";
