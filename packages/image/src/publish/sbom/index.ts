/**
 * What is in an image, and why: bills of materials in the formats that scanners and laws ask for, and the ways to a package.
 */
export { whyPresent, type Chain, type Presence } from "./chains.js";
export type { Bill, Delivered } from "./bill.js";
export { formatCycloneDx } from "./cyclonedx.js";
export { licenceOf } from "./licence.js";
export { maintainerOf } from "./maintainer.js";
export { packageUrl } from "./purl.js";
export { formatSpdx } from "./spdx.js";
