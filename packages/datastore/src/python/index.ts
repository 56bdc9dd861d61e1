/**
 * What the datastore asks of Python, and what Python leaves behind: inline expressions in texts,
 * exceptions with their places, functions of libraries.
 */
export { PythonError, type PythonFrame } from "./error.js";
export type { MetadataEvent, PythonHost, PythonPlace } from "./host.js";
export {
  globalModules,
  librariesOf,
  type LibraryFunction,
  type LibraryModule,
  type PythonLibrary,
  type VisitedCalls,
} from "./library.js";
export { SkipRecipe } from "./skip-recipe.js";
export { explainFailure, type Doing } from "./failure.js";
export { inlineExpressions, replaceInline, type InlineExpression } from "./inline-expression.js";
