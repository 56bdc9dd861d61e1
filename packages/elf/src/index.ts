export { readElf, readLinkage, readSection, type Elf, type Linkage, type FilePart } from "./elf.js";
export type { ReadBytes } from "./bytes.js";
export type { NeededVersions } from "./versions.js";
