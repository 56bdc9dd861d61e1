/** The rpm format. */
export { readRpm, verifyPayload } from "./format/read.js";
export { writeRpm } from "./format/write.js";
