/** The server of a build farm: a mirror of shared state over HTTP, and BitBake's hash equivalence protocol. */
export { startServer, type Server } from "./server.js";
export { readOptions, type ServerOptions } from "./command-line/index.js";
export type { Log } from "./log.js";
export { main } from "./program.js";
export { openMetrics } from "./metrics.js";
export { SLOT_MS, SLOTS, Usage } from "./usage.js";
export { openEmbeddedDatabase, openPostgresDatabase, type EquivalenceDatabase } from "./equivalence/index.js";
export { openFolderStorage, openS3Storage, StorageFailure, type ObjectStorage } from "./storage/index.js";
