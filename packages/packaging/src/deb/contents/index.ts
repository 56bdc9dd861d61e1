/** What is in packages: control members, and files with the places of their contents; decompressed once. */
export { readControl, type ControlMembers } from "./any-control.js";
export { controlsOf, readControls, type ControlFile, type ControlFiles } from "./control.js";
export { plainMembers, PlainMembers, type PlainMember } from "./members.js";
export { readPlainTar, type PlainEntry, type PlainTar } from "./plain-tar.js";
