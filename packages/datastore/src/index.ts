export { Datastore, type DatastoreOptions, type InlinePython } from "./datastore.js";
export {
  type GetOptions,
  type WriteOptions,
  type HistoryEntry,
  pythonText,
  type Value,
} from "./variables/index.js";
export { ExpansionError, placeOfBodyLine, placeOfWord, type WordPlace } from "./expansion/index.js";
export {
  PythonError,
  type PythonFrame,
  type MetadataEvent,
  type PythonHost,
  type PythonPlace,
  globalModules,
  librariesOf,
  type LibraryFunction,
  type LibraryModule,
  type PythonLibrary,
  type VisitedCalls,
  SkipRecipe,
  explainFailure,
  type Doing,
  inlineExpressions,
  replaceInline,
  type InlineExpression,
} from "./python/index.js";
export {
  evaluateFile,
  inheritClass,
  type EvaluationHost,
  fireEvent,
  handledEvents,
  handlersOf,
  hasHandler,
  registerHandlers,
  finalize,
  deferInherit,
  addTask,
  deleteTask,
  listTasks,
  checkBooleanFlag,
  exportedNames,
  isFlagTrue,
  isTruthy,
  reachedFunctions,
} from "./evaluation/index.js";
export { scanPython, scanShell, type PythonScan, type ScanProblem, type ShellScan } from "./scan/index.js";
