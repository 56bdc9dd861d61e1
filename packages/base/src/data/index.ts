/**
 * `@tsbake/base/data`: what one program writes and another reads. A schema of valibot is the type and the check at once. Only
 * who reads such a file loads it.
 */
export { digest, filled, hexDigest, list, size } from "./forms.js";
export { readData } from "./read.js";
export { TaskDependencies, type TaskDependency } from "./task-dependencies.js";
