/**
 * The bill of materials of an image, in the formats that scanners and laws ask for: one content, two formats, no state.
 */
export type { Bill, Delivered } from "./bill.js";
export { formatCycloneDx } from "./cyclonedx.js";
export { licenceOf } from "./licence.js";
export { maintainerOf } from "./maintainer.js";
export { packageUrl } from "./purl.js";
export { formatSpdx } from "./spdx.js";
