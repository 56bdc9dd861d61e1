export {
  explainBase,
  openBaseSigner,
  digestPath,
  type DigestCache,
  type DigestOptions,
  listChecksums,
  openHandler,
  signTasks,
  type SignatureHandler,
} from "./signatures/index.js";
export {
  compareExplanations,
  type InputChange,
  type InputValue,
  readRecord,
  writeRecord,
  changeKey,
  traceChanges,
  type Cause,
  type FindRecord,
  type TracedValue,
} from "./records/index.js";
export { splitTaskId, taskId, taskLabel } from "./ids.js";
export { buildTaskGraph } from "./tasks/index.js";
export type {
  FileInput,
  GraphOptions,
  InputDigests,
  SignatureExplanation,
  Signatures,
  SignOptions,
  Target,
  TaskEdge,
  TaskGraph,
  TaskId,
  TaskNode,
  TaskSignature,
} from "./types.js";
