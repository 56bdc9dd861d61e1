/** A base with an extension merged, as the base of another extension. */
import { FileIndex } from "../facts/file-manifest.js";
import { kindOfTree } from "../layer/extension-kind.js";
import type { Base, Extension } from "./context.js";
import { sysusersOf } from "./inspect/base-facts.js";
import { elfFacts } from "./inspect/elf-facts.js";
import { tmpfilesIn } from "./readers/named-accounts.js";

/** What a device sees: of the extension only what is merged, and what its tmpfiles.d and sysusers.d files make. */
export function withExtension(base: Base, extension: Extension): Base {
  const { companion, ...alone } = extension;
  if (companion !== undefined)
    return withExtension(withExtension(base, alone), { ...alone, tree: companion });
  const { name, tree } = alone;
  const { isMerged } = kindOfTree((path) => tree.index.get(path) !== undefined);
  const merged = [...tree.entries()].filter(({ path }) => isMerged(path));
  const hidden = new Set(merged.map(({ path }) => path));
  const made = tmpfilesIn(tree).flatMap(({ path: file, lines }) =>
    lines
      .filter(({ makes }) => makes)
      .map(({ path, mode }) => ({ path, file, ...(mode === undefined ? {} : { mode }) })),
  );
  const { inspected } = base;
  return {
    name: `${base.name} with ${name}`,
    index: new FileIndex([...base.index.entries(), ...merged]),
    tmpfiles: [...base.tmpfiles, ...made],
    extensions: [...(base.extensions ?? []), name],
    ...(base.packages && { packages: base.packages }),
    inspected: inspected && {
      elf: [...inspected.elf.filter(({ path }) => !hidden.has(path)), ...elfFacts(tree)],
      base: {
        ...inspected.base,
        sysusers: [...inspected.base.sysusers, ...sysusersOf(tree, ["/usr/lib/sysusers.d"])],
      },
    },
  };
}

/** Extensions among `others` that it is built on and the base does not have, the lowest first. */
export function neededOf(
  { needs = [] }: Extension,
  { extensions = [] }: Base,
  others: readonly Extension[],
): Extension[] {
  return needs
    .filter((name) => !extensions.includes(name))
    .flatMap((name) => others.find((one) => one.name === name) ?? []);
}
