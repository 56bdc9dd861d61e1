/**
 * What a finished task leaves: the artifact, the files in shared folders with their manifest, the stamp.
 */
export { objectName } from "./artifact.js";
export { openStamps, staleStamps, type Stamped, type Stamps } from "./stamps.js";
export { installOutputs, uninstallOutputs, type Installer } from "./install.js";
export { manifestPath, readManifest, writeManifest, type Manifest, type StampOwner } from "./manifest.js";
export { resolveDoubt } from "./power-cut.js";
export { Owners, type OwnerFacts } from "./owners.js";
export { verifyOutputs, type VerifiedOutputs } from "./verify.js";
export { manifestOf } from "./shared-folders.js";
