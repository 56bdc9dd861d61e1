/**
 * A base as extensions see it: package database, file list and os-release, as one verified tree or file.
 */
export { formatOsRelease, parseOsRelease, type OsRelease } from "./os-release.js";
export { openSnapshot, snapshotFiles, writeSnapshot, type Snapshot, type SnapshotFacts } from "./snapshot.js";
export { packSnapshot, snapshotFolder } from "./archive.js";
