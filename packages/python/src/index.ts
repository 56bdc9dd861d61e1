export { openPython } from "./open.js";
export type { EmbeddedPython } from "./host.js";
export { evaluateWithoutPython } from "./inline.js";
export { LazyPython, PythonNeeded } from "./lazy.js";
export { metadataPython, type MetadataPython } from "./metadata-python.js";
export type { MessageLevel, PythonOptions } from "./options.js";
export { runPythonTask } from "./task.js";
export { describeFunction } from "./task-functions.js";
export type { PythonTaskOptions, PythonTaskResult, TaskFunction } from "./task-options.js";
