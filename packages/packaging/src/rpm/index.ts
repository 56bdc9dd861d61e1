/** The rpm format: files, database and backend. */
export { openRpmBackend } from "./backend.js";
