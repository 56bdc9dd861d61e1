export { openBaseSigner } from "./base-signer.js";
export { compareExplanations } from "./explanation.js";
export { digestPath, type DigestCache, type DigestOptions } from "./file-digest.js";
export { splitTaskId, taskId, taskLabel } from "./ids.js";
export { signTasks } from "./sign.js";
export { buildTaskGraph } from "./task-graph.js";
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
