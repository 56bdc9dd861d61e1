export { elfIn, readElf, type Elf, type Part } from "./elf.js";
export type { ReadBytes } from "./bytes.js";
export type { NeededVersions } from "./versions.js";
