export { explainBase, openBaseSigner } from "./base-signer.js";
export { compareExplanations, type InputChange, type InputValue } from "./compare.js";
export { digestPath, type DigestCache, type DigestOptions } from "./file-digest.js";
export { listChecksums } from "./file-checksums.js";
export { openHandler } from "./handler.js";
export { splitTaskId, taskId, taskLabel } from "./ids.js";
export { readRecord, writeRecord } from "./record.js";
export { signTasks } from "./sign.js";
export { buildTaskGraph } from "./task-graph.js";
export { changeKey, traceChanges, type Cause, type FindRecord, type Traced } from "./trace.js";
export type { SignatureHandler } from "./writer.js";
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
