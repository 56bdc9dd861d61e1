/** The rpm format: files, versions, database and backend. */
export { openRpmBackend } from "./backend.js";
export { writeRpmDatabase } from "./database.js";
export { openRpm } from "./format/opened.js";
export { readRpm, verifyPayload } from "./format/read.js";
export { evrText, type RpmFile, type RpmSpec } from "./format/spec.js";
export { writeRpm } from "./format/write.js";
export { splitHeaders } from "./headers.js";
export { installedRpms, writeRpmHeaders, type InstalledRpm } from "./installed.js";
export { rpmRelations } from "./relations.js";
export { scriptlet } from "./scriptlets.js";
export { compareEvr, compareRpm, evrOfDebian } from "./version.js";
