/**
 * `${…}` and `${@…}` in texts: what they stand for, why they cannot be computed, and where they
 * were written.
 */
export { ExpansionError } from "./expansion-error.js";
export { placeOfBodyLine, placeOfWord, type WordPlace } from "./text-place.js";
