/**
 * A test mode: bodies are watched, and one that reads what no task that it needs has written fails.
 */
export { openReadCheck, type ReadCheck, type WatchedBody } from "./check.js";
