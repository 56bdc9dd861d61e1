/**
 * Extensions and bases that a person names, checked against each other.
 */
export type { BaseSource } from "./base-source.js";
export { sharedBytes, type SharedBytes } from "./shared-bytes.js";
export { type BaseVerdict, judgeOn, type NamedExtension, readExtension, type Verdict } from "./verdict.js";
