/** Where objects are: the seam (`storage.ts`), the folder and the bucket behind it. */
export { openFolderStorage } from "./folder-storage.js";
export { openS3Storage, readBucket, type BucketOptions } from "./s3/index.js";
export { Recent } from "./recent.js";
export { toldSidecar } from "./sidecar.js";
export { Spool } from "./spool.js";
export {
  StorageFailure,
  wholeOf,
  type ByteRange,
  type Incoming,
  type ObjectStorage,
  type ServedBytes,
  type ServedFile,
  type StoragePath,
} from "./storage.js";
