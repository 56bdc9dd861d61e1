/**
 * Records of signatures: where they are, what two of them say, why something would be done.
 */
export { diffRecordFiles, readRecordFile, type RecordDiff } from "./diff-records.js";
export { whatChanged } from "./pending.js";
export { diffTask, listRecords, openRecords } from "./record-queries.js";
export { SignatureRecords, type RecordFile, type RecordFolders } from "./records.js";
export type { PendingCause, PendingTask, Reason, WhatChanged } from "./what-changed.js";
