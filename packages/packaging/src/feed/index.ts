/**
 * The archive of the host's apt as a source of packages: lists, closures, downloads, and trees of
 * tools that run from any folder.
 */
export {
  closureDigest,
  demandOneContent,
  mergeClosures,
  parseClosure,
  readClosure,
  writeClosure,
  type AvailablePackage,
  type Closure,
  type ClosurePackage,
} from "./closure.js";
export { withHostArchive } from "./host-archive.js";
export { openFeed, hostArchitecture, type ClosureRequest, type Feed, type FeedOptions } from "./feed.js";
export { readFeedIndex, readFeedIndexes, type FeedIndex } from "./feed-index.js";
export { downloadClosure, inPool, poolName, type DownloadOptions } from "./download.js";
export { unpackFeed, type FeedUnpackRequest } from "./unpack.js";
