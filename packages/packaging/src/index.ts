export {
  canonicalDatabase,
  databaseDigest,
  packageLines,
  type Alternative,
  type Diversion,
  type InstalledPackage,
  type PackageDatabase,
} from "./database.js";
export { readDebDatabase } from "./deb-database.js";
export {
  parseRelations,
  parseStanzas,
  writeStanza,
  type Relation,
  type Stanza,
  type Stanzas,
} from "./stanza.js";
export { compareVersions } from "./version.js";
export {
  closureDigest,
  closureLines,
  mergeClosures,
  parseClosure,
  readClosure,
  writeClosure,
  type AvailablePackage,
  type Closure,
  type ClosurePackage,
} from "./closure.js";
export { openFeed, hostArchitecture, type ClosureRequest, type Feed, type FeedOptions } from "./feed.js";
export { downloadClosure, type DownloadOptions } from "./download.js";
export type { Change } from "./change.js";
export { openDebBackend } from "./deb-backend.js";
export {
  type Backend,
  type InstallRequest,
  type LayerRequest,
  type InstallResult,
  type PackageSource,
  type Planned,
  type SkippedScript,
  type SnapshotIdentity,
  type Solution,
  type SolveRequest,
} from "./backend.js";

export { parseShlibs, shlibKey } from "./shlibs.js";
export { parseSimulation, type SimulatedStep } from "./deb-solve.js";
export { explainDpkg, type DpkgFailure } from "./dpkg-said.js";
export { parseListing, type ListedEntry } from "./deb-lay.js";
export { readControl, type ControlMembers } from "./deb-file.js";
export { unpackFeed, type FeedUnpackRequest } from "./feed-unpack.js";
export { pattern } from "./assign.js";
export { splitRelations } from "./spec.js";
