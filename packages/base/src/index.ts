export { Source, spanInFile, spanOfLine, type Place, type Span } from "./source.js";
export { BOOLEAN_WORDS, toBoolean } from "./boolean.js";
export { BuildError, render, type Diagnostic, type Note, type Severity } from "./diagnostic.js";
export { nearest } from "./nearest.js";
export { byText, sortedUnique, words } from "./order.js";
export { diskProblem, fullDisk, isDiskProblem, needSpace, noexecDisk } from "./disk.js";
export {
  codeOf,
  hasCode,
  ifReachable,
  ifThere,
  ignoreSystemErrors,
  messageOf,
  reasonOf,
  undefinedOn,
} from "./errno.js";
export { fileStamp, isSettled, type FileStamp } from "./file-stamp.js";
export { openHasher, sha256, sha256File, type Hasher } from "./hash.js";
export {
  makeFolder,
  makeFolderSync,
  namesNear,
  readTextIfThere,
  syncPath,
  syncTree,
  writeFileAtomic,
  writeFileSynced,
} from "./files.js";
export { AT_ONCE, eachLimited } from "./parallel.js";
export {
  batches,
  demandSuccess,
  exitCodeOf,
  longStart,
  openChild,
  run,
  type Child,
  type ChildEnd,
  type Runner,
  type ProcessOptions,
  type RunOutput,
} from "./process.js";
export { commandFailed, type RunResult } from "./problems.js";
export { lockFile, lockPath, type Lock, type LockFileOptions, type WaitOptions } from "./lock.js";
export { lastLines, printable, withoutControls } from "./printable.js";
export { copyPlain, isZero, openPlain, readPlain } from "./plain-file.js";
export { sameEntry } from "./same-entry.js";
export { checkSigningPair, readCertificate, type SigningPair } from "./signing-key.js";
export { nameFs } from "./name-fs.js";
export { fsPath, isPlainName, nameBytes, nameOf, readFolderSync, shownName } from "./names.js";
export { HttpClient, isUnreachable, type HttpAnswer, type HttpOptions } from "./http.js";
export { netrcLogin, parseNetrc, type NetrcEntry } from "./netrc.js";
export { proxyFor } from "./proxy.js";
export {
  applyMirror,
  localName,
  mirrorsOf,
  parseMirrors,
  type MirrorOptions,
  type MirrorRule,
  type MirrorsOptions,
} from "./mirror.js";
export { decodeUrl, encodeUrl, redact, joinUrl, quoted, splitUrl, unquoted, type UrlParts } from "./url.js";
export { removeTree } from "./remove.js";
export { scratchFolder, TEMPORARY_NAME, temporaryBeside } from "./scratch.js";
export { every, type Repetition } from "./timer.js";
export { compareVersions, meetsVersion, type VersionCondition, type VersionOperator } from "./version.js";
