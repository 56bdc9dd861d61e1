export { Source, spanInFile, spanOfLine, type Place, type Span } from "./diagnostics/source.js";
export { BOOLEAN_WORDS, toBoolean } from "./text/boolean.js";
export { BuildError, render, type Diagnostic, type Note, type Severity } from "./diagnostics/diagnostic.js";
export { nearest } from "./text/nearest.js";
export { byText, sortedUnique, words } from "./text/order.js";
export { diskProblem, fullDisk, isDiskProblem, needSpace, noexecDisk } from "./files/disk.js";
export {
  codeOf,
  hasCode,
  ifReachable,
  ifThere,
  ignoreSystemErrors,
  messageOf,
  reasonOf,
  undefinedOn,
} from "./diagnostics/errno.js";
export { fileStamp, isSettled, type FileStamp } from "./files/file-stamp.js";
export { openHasher, sha256, sha256File, type Hasher } from "./text/hash.js";
export { syncPath, syncTree, writeFileAtomic, writeFileSynced } from "./files/atomic.js";
export { isThere, makeFolder, makeFolderSync, sizeIfThere } from "./files/folders.js";
export { namesNear } from "./files/names-near.js";
export { AT_ONCE, eachLimited } from "./process/parallel.js";
export { batches, longStart } from "./process/argument-limit.js";
export { openChild, type Child, type ChildEnd } from "./process/child.js";
export {
  demandSuccess,
  exitCodeOf,
  run,
  type ProcessOptions,
  type RunOutput,
  type Runner,
} from "./process/process.js";
export { commandFailed, type RunResult } from "./problems.js";
export {
  lockFile,
  lockPath,
  type FileLock,
  type Lock,
  type LockFileOptions,
  type WaitOptions,
} from "./files/lock.js";
export { lastLines, printable, withoutControls } from "./text/printable.js";
export { copyPlain, isZero, openPlain, readPlain, readTextIfThere } from "./files/plain-file.js";
export { sameEntry } from "./files/same-entry.js";
export { checkSigningPair, readCertificate, type SigningPair } from "./files/signing-key.js";
export { nameFs } from "./files/name-fs.js";
export { fsPath, isPlainName, nameBytes, nameOf, readFolderSync, shownName } from "./text/names.js";
export { git, GIT_PROTOCOLS, gitReason } from "./git/git.js";
export { withoutPassword } from "./git/login.js";
export { HttpClient, isUnreachable, type HttpAnswer, type HttpOptions } from "./http/client.js";
export { textBody, type HttpBody } from "./http/upload.js";
export { Pace } from "./http/pace.js";
export { netrcLogin, parseNetrc, type NetrcEntry } from "./http/netrc.js";
export { proxyFor } from "./http/proxy.js";
export { applyMirror, mirrorsOf, type MirrorOptions, type MirrorsOptions } from "./http/mirror.js";
export { parseMirrors, type MirrorRule } from "./http/mirror-rule.js";
export { localName } from "./http/local-name.js";
export { decodeUrl, encodeUrl, joinUrl, quoted, splitUrl, unquoted, type UrlParts } from "./http/url.js";
export { jsonObject } from "./text/json.js";
export { redact } from "./text/redact.js";
export { removeTree } from "./files/remove.js";
export { scratchFolder, TEMPORARY_NAME, temporaryBeside } from "./files/scratch.js";
export { every, type Repetition } from "./process/timer.js";
export {
  compareVersions,
  meetsVersion,
  type VersionCondition,
  type VersionOperator,
} from "./text/version.js";
