/**
 * What a tree is, found out without a device: its ELF files, its accounts, where its paths lead.
 */
export type { BaseFacts } from "./base-facts.js";
export type { ElfFact } from "./elf-facts.js";
export { inspect, type Inspected } from "./inspect.js";
export { kernelsOf } from "./kernels.js";
export { parseSysusers } from "./sysusers.js";
export { ContentTree } from "./tree.js";
