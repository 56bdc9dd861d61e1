export { gzipPath, INCOMING, objectPath, storedFile, type ObjectName, type StoredFile } from "./names.js";
export { digestIn, sidecarOf, sidecarText } from "./checksum.js";
export { publishFile, publishObject, touchObject } from "./publish.js";
export { sidecarTextOf } from "./trust.js";
export type { Store, StoreOptions } from "./store.js";
export { openFolderStore } from "./folder-store.js";
export { openSigner, type ArtifactSigner, type GpgSettings } from "./gpg.js";
export { openEquivalences, type Equivalences, type OutputReport } from "./equivalence.js";
export { chainStores, noStore, readThrough } from "./chain.js";
export { openMirrors } from "./mirror/mirror-store.js";
export { noFolder } from "./problems.js";
export { checkLabel, labelArtifact } from "./label.js";
export { packArtifact, unpackArtifact, type ArtifactFolder } from "./artifact.js";
export { groupFiles, BESIDE, type Catalog, type ListedFile, type StoredObject } from "./catalog.js";
export { folderCatalog, listStore, removeStored } from "./folder-catalog.js";
export {
  pruneStore,
  storeStatistics,
  verifyStore,
  type Pruned,
  type PruneOptions,
  type StoreStatistics,
  type Verification,
} from "./maintenance.js";
