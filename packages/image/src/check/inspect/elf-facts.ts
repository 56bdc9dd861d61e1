/** What each ELF file of a tree needs and gives: one line a file, by which programs and libraries are put together without a device. */
import type { FileEntry } from "@tsbake/archive";
import { list, readData } from "@tsbake/base/data";
import { type Linkage, readLinkage } from "@tsbake/elf";
import * as v from "valibot";
import type { Diagnostic } from "@tsbake/base";
import type { ContentTree } from "./tree.js";

const names = v.exactOptional(list(v.string()), []);

/** Empty lists are left out on disk. */
export const ElfFact = v.object({
  /** Where the content is; further hard links have no line. */
  path: v.string(),
  kind: v.picklist(["relocatable", "executable", "shared", "core", "other"]),
  bits: v.picklist([32, 64]),
  /** e_machine. */
  machine: v.number(),
  interpreter: v.exactOptional(v.string()),
  soname: v.exactOptional(v.string()),
  needed: names,
  runpath: names,
  /** Versions of symbols by library that has to give them. */
  neededVersions: v.exactOptional(list(v.object({ library: v.string(), versions: list(v.string()) })), []),
  definedVersions: names,
});
export type ElfFact = Readonly<v.InferOutput<typeof ElfFact>>;

/** The smallest file with a header. */
const LEAST_BYTES = 52;
const MAGIC = Buffer.from("\x7fELF", "latin1");

/** Of every ELF file, in the order of the tree. Looks at the first bytes of each file, and goes on only where these are ELF's. */
export function elfFacts(tree: ContentTree): ElfFact[] {
  const facts: ElfFact[] = [];
  for (const entry of tree.entries()) {
    if (entry.kind !== "file" || entry.hardlink !== undefined || entry.sizeBytes < LEAST_BYTES) continue;
    if (!tree.bytes(entry, 0, 4).equals(MAGIC)) continue;
    const elf = readLinkage((at, size) => tree.bytes(entry, at, size));
    if (elf !== undefined) facts.push(factOf(entry, elf));
  }
  return facts;
}

function factOf({ path }: FileEntry, elf: Linkage): ElfFact {
  const { kind, bits, machine, interpreter, soname } = elf;
  return {
    path,
    kind,
    bits,
    machine,
    ...(interpreter === undefined ? {} : { interpreter }),
    ...(soname === undefined ? {} : { soname }),
    needed: elf.needed,
    runpath: elf.runpath,
    neededVersions: elf.neededVersions,
    definedVersions: elf.definedVersions,
  };
}

/** JSON lines; the same facts give the same bytes. */
export function formatElfFacts(facts: readonly ElfFact[]): string {
  return facts.map((fact) => `${JSON.stringify(fact, withoutEmpty)}\n`).join("");
}

function withoutEmpty(_key: string, value: unknown): unknown {
  return Array.isArray(value) && value.length === 0 ? undefined : value;
}

/** @throws BuildError with what `refuse` gives */
export function parseElfFacts(text: string, refuse: (reason: string) => Diagnostic): ElfFact[] {
  return text
    .split("\n")
    .filter((line) => line !== "")
    .map((line) => readData(ElfFact, line, refuse));
}
