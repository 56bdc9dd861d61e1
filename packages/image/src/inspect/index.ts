/**
 * What a tree is, found out without a device: its ELF files, its accounts, where its paths lead.
 */
export { BaseFacts, baseFacts, sysusersOf } from "./base-facts.js";
export { ElfFact, elfFacts, formatElfFacts, parseElfFacts } from "./elf-facts.js";
export { follow, type Found } from "./follow.js";
export { parseSysusers, SysusersLine } from "./sysusers.js";
export { Tree, tarTree, type ReadContent } from "./tree.js";
