/** What is in packages: control members, and files with the places of their contents; decompressed once. */
export { readControl, type ControlMembers } from "./any-control.js";
export { controlsOf, readControls, type ControlFile, type ControlFiles } from "./control.js";
export { openAhead, openedAhead, openPackages, type OpenedPackage } from "./opened.js";
export type { PlainEntry, PlainTar } from "./plain-tar.js";
