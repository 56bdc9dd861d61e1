export {
  readElf,
  readKernelSymbols,
  readLinkage,
  readSection,
  type Elf,
  type FilePart,
  type KernelSymbols,
  type Linkage,
} from "./elf.js";
export type { ReadBytes } from "./bytes.js";
export type { NeededVersions } from "./versions.js";
