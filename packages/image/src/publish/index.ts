/**
 * Images in a folder that devices read: versions, sums, an index, definitions for systemd-sysupdate.
 */
export { readBuiltImage, type BuiltImage } from "./built-image.js";
export { publish, type Published, type PublishRequest } from "./publish.js";
export { compareImageVersions } from "./names.js";
