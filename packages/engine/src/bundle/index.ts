/**
 * Bundles: what a build has made of some targets, in one file that another project builds on without their recipes. A bundle is a
 * layer: recipes that stand for the others, their artifacts as a mirror of shared state, and signatures that are locked to these.
 */
export { makeBundle, type BundleOptions } from "./bundle.js";
export type { BundleManifest } from "./manifest.js";
export { showBundle, verifyBundle } from "./read.js";
export { differingLayers } from "./revisions.js";
