/** Where objects are: the seam (`storage.ts`), the folder and the bucket behind it. */
export { openFolderStorage } from "./folder-storage.js";
export { openS3Storage, readBucket, type BucketOptions } from "./s3/index.js";
export { StorageFailure, type ServedFile, type ObjectStorage, type StoragePath } from "./storage.js";
