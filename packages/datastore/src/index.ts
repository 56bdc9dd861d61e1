export { Datastore, type DatastoreOptions, type InlinePython } from "./datastore.js";
export type { GetOptions, WriteOptions } from "./options.js";
export { ExpansionError } from "./expansion-error.js";
export type { HistoryEntry } from "./history.js";
export { pythonText, textsOf, type Value } from "./value.js";
export { PythonError, type PythonFrame } from "./python-error.js";
export type { PythonHost, PythonPlace } from "./python-host.js";
export {
  globalModules,
  librariesOf,
  type LibraryFunction,
  type LibraryModule,
  type PythonLibrary,
  type VisitedCalls,
} from "./python-library.js";
export { evaluateFile, inheritClass } from "./evaluate.js";
export type { EvaluationHost } from "./evaluator.js";
export {
  fireEvent,
  handledEvents,
  handlersOf,
  hasHandler,
  registerHandlers,
  type MetadataEvent,
} from "./events.js";
export { finalize } from "./finalize.js";
export { deferInherit } from "./inherit.js";
export { SkipRecipe } from "./skip-recipe.js";
export { addTask, deleteTask, listTasks } from "./tasks.js";
export { scanPython, scanShell, type PythonScan, type ScanProblem, type ShellScan } from "./scan/index.js";
export { placeOfBodyLine, placeOfPart, placeOfWord, type WordPlace } from "./text-place.js";
export { explain, type Doing } from "./failure.js";
export { inlineExpressions, replaceInline, type InlineExpression } from "./inline-expression.js";
