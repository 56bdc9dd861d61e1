export { openPython } from "./open.js";
export type { EmbeddedPython } from "./host.js";
export { evaluateWithoutPython } from "./inline.js";
export { LazyPython, PythonNeeded } from "./lazy.js";
export type { MessageLevel, PythonOptions } from "./options.js";
export { runPythonTask, type PythonTaskOptions, type PythonTaskResult, type TaskFunction } from "./task.js";
