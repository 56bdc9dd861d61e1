export {
  Datastore,
  type DatastoreOptions,
  type GetOptions,
  type HistoryEntry,
  type Value,
  type WriteOptions,
} from "./datastore.js";
export { PythonError, type PythonFrame, type PythonHost, type PythonPlace } from "./python-host.js";
export {
  addTask,
  deleteTask,
  evaluateFile,
  finalize,
  inheritClass,
  listTasks,
  SkipRecipe,
  type EvaluationHost,
} from "./evaluate.js";
export { scanPython, scanShell, type PythonScan, type ShellScan } from "./scan/index.js";
