/** The trace of a build (TRACE_WORKDIR): WORKDIR of each recipe kept in git, a commit and a tag a task. */
export { tracedTasks, tracedPatch, type TracedTask } from "./read.js";
export { traceFolder, WorkTrace } from "./write.js";
