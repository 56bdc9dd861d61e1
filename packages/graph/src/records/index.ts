/**
 * What went into a signature, kept: the explanation, two of them compared, a change followed to its cause.
 */
export { compareExplanations, type InputChange, type InputValue } from "./compare.js";
export { readRecord, writeRecord } from "./record.js";
export { changeKey, traceChanges, type Cause, type FindRecord, type TracedValue } from "./trace.js";
