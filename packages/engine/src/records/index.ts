/**
 * Records of signatures: where they are, what two of them say, why something would be done.
 */
export { diffRecordFiles, readRecordFile, type RecordDiff } from "./diff-records.js";
export { SignatureRecords, type RecordFile, type RecordFolders } from "./records.js";
export type { PendingCause, PendingTask, Reason, WhatChanged } from "./what-changed.js";
