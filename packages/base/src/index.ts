export { Source, type Place, type Span } from "./source.js";
export { BuildError, render, type Diagnostic, type Note, type Severity } from "./diagnostic.js";
export { nearest } from "./nearest.js";
export { byText, sortedUnique, words } from "./order.js";
export { codeOf, hasCode, messageOf } from "./errno.js";
export { openHasher, sha256, sha256File, type Hasher } from "./hash.js";
export { readTextIfThere, temporaryBeside, writeFileAtomic } from "./files.js";
export { run, type RunOptions, type RunResult } from "./process.js";
export { lockPath, type Lock, type LockOptions } from "./lock.js";
