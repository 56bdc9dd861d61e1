export { readElf, type Elf } from "./elf.js";
