/**
 * What a finished task leaves: the artifact, the files in shared folders with their manifest, the stamp.
 */
export { objectName } from "./artifact.js";
export { openStamps, staleStamps, type Stamped, type Stamps } from "./stamps.js";
export { installOutputs, uninstallOutputs, type Owner } from "./install.js";
export { manifestPath, readManifest, writeManifest, type Manifest } from "./manifest.js";
