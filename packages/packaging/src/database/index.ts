/**
 * What is installed, whatever the format: the model of a package database, how two of them differ,
 * and the seam that every backend implements.
 */
export {
  canonicalDatabase,
  databaseDigest,
  packageLines,
  type Alternative,
  type Diversion,
  type InstalledPackage,
  type PackageDatabase,
} from "./database.js";
export type { Change } from "./change.js";
export {
  type Backend,
  type Composed,
  type InstallRequest,
  type LayerRequest,
  type InstallResult,
  type PackageSource,
  type Planned,
  type Repackaging,
  type RootFile,
  type SkippedScript,
  type SnapshotIdentity,
  type Solution,
  type SolveRequest,
} from "./backend.js";
