/**
 * Statements into a datastore: files, includes, classes, functions, tasks, event handlers, and what
 * follows the last statement.
 */
export { evaluateFile, inheritClass } from "./evaluate.js";
export type { EvaluationHost } from "./evaluator.js";
export { fireEvent, handledEvents, handlersOf, hasHandler, registerHandlers } from "./events.js";
export { finalize } from "./finalize.js";
export { deferInherit } from "./inherit.js";
export { addTask, deleteTask, listTasks } from "./tasks.js";
export { checkBooleanFlag, exportedNames, isFlagTrue, isTruthy } from "./flags.js";
export { reachedFunctions } from "./shell-functions.js";
