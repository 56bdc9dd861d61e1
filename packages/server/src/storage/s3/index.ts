/** Objects in a bucket: `client.ts` asks, `s3-storage.ts` is the storage, `options.ts` says which bucket it is. */
export { openS3Storage } from "./s3-storage.js";
export { readBucket } from "./options.js";
export type { BucketOptions } from "./client.js";
