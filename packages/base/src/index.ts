export { Source, spanInFile, spanOfLine, type Place, type Span } from "./source.js";
export { complain, say, warn } from "./command-output.js";
export { BuildError, render, type Diagnostic, type Note, type Severity } from "./diagnostic.js";
export { nearest } from "./nearest.js";
export { byText, sortedUnique, words } from "./order.js";
export { diskProblem, fullDisk, isDiskProblem } from "./disk.js";
export { codeOf, hasCode, messageOf, reasonOf } from "./errno.js";
export { openHasher, sha256, sha256File, type Hasher } from "./hash.js";
export {
  makeFolder,
  makeFolderSync,
  namesNear,
  readTextIfThere,
  temporaryBeside,
  writeFileAtomic,
} from "./files.js";
export { copyPlain, isZero, openPlain, readPlain } from "./plain-file.js";
export { nameFs } from "./name-fs.js";
export { fsPath, isPlainName, nameBytes, nameOf, readFolderSync, shownName } from "./names.js";
export { lastLines, run, type RunOptions, type RunResult } from "./process.js";
export { lockPath, type Lock, type LockOptions } from "./lock.js";
export { HttpClient, isUnreachable, type HttpAnswer, type HttpOptions } from "./http.js";
export { HttpError } from "./http-error.js";
export { netrcLogin, parseNetrc, type NetrcEntry } from "./netrc.js";
export { proxyFor } from "./proxy.js";
export {
  applyMirror,
  hidePasswords,
  joinUrl,
  parseMirrors,
  splitUrl,
  type MirrorRule,
  type UrlParts,
} from "./mirror.js";
export { removeTree } from "./remove.js";
