/**
 * One body from its datastore to its exit code: script, folders, locks, log, progress.
 */
export { withPython } from "./python-needed.js";
export { removeFolder } from "./folders.js";
export { progressReader, type Progress, type ProgressReader } from "./progress.js";
export { shellScript, type ShellScriptOptions } from "./shell-script.js";
