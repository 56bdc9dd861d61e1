/**
 * One variable, from its name to its value: operators, overrides, deferred operations, flags, filters,
 * and who set what.
 */
export type { GetOptions, WriteOptions } from "./options.js";
export type { HistoryEntry } from "./history.js";
export { pythonText, type Value } from "./value.js";
