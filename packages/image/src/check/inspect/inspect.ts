/** All that a snapshot keeps of a tree for checking extensions. */
import { type FileEntry, TarFile } from "@tsbake/archive";
import { byText } from "@tsbake/base";
import { type BaseFacts, baseFacts } from "./base-facts.js";
import { type ElfFact, elfFacts } from "./elf-facts.js";
import { kernelsOf } from "./kernels.js";
import { tarTree, type ContentTree } from "./tree.js";

/** What extensions are checked with, beside paths. */
export interface Inspected {
  /** Sorted by path. */
  readonly elf: readonly ElfFact[];
  readonly base: BaseFacts;
}

/** Without what kernels export. */
export function inspect(tree: ContentTree): Inspected {
  const elf = elfFacts(tree).sort((left, right) => byText(left.path, right.path));
  return { elf, base: baseFacts(tree) };
}

/** With what its kernels export, which takes time where one is packed. */
export async function inspectWhole(tree: ContentTree): Promise<Inspected> {
  const { elf, base } = inspect(tree);
  const kernels = await kernelsOf(tree);
  return { elf, base: { ...base, ...(kernels.length > 0 && { kernels }) } };
}

/**
 * @param path a tar that our own tasks wrote
 * @param entries what is known of its paths
 * @throws BuildError `archive/damaged`
 */
export async function inspectTar(path: string, entries: Iterable<FileEntry>): Promise<Inspected> {
  using tar = new TarFile(path);
  return await inspectWhole(tarTree(tar, entries));
}
