/** Caches that are computed over all packages: whether what the extension brings is in them. */
import type { FileEntry } from "@tsbake/archive";
import { anyOf } from "../../rules/rules.js";
import { DERIVED, type DerivedFile } from "../../rules/derived.js";
import type { Context } from "../context.js";
import type { ContentTree } from "../inspect/tree.js";
import { finding, type CheckRule } from "./rule.js";

export const caches: CheckRule = {
  codes: [
    {
      code: "missing-cache",
      severity: "either",
      meaning:
        "the extension brings what a cache is made of (schemas, MIME types, icons, image loaders, kernel modules, hardware database) and not the cache, and the base's does not know it; an error where nothing of it is found without the cache",
    },
  ],
  *find(context) {
    for (const { files, from, source } of unmadeIn(context.extension.tree)) {
      if (!isRead(context, from.readers, source)) continue;
      yield finding(
        "missing-cache",
        from.isVital ? "error" : "warning",
        source,
        `${from.what} is not found: ${files[0]} has to be made over base and extension, and the extension has none`,
        "set SYSEXT_SCRIPTS to `merged`, so that triggers make it, or have a recipe ship it",
      );
    }
  },
};

/** A cache that an extension would need, with the first path that it is made of. */
interface Unmade {
  readonly files: readonly string[];
  readonly from: NonNullable<DerivedFile["from"]>;
  readonly source: FileEntry;
}

/** What does not depend on the base is found once, however many bases there are. */
const unmade = new WeakMap<ContentTree, readonly Unmade[]>();

function unmadeIn(tree: ContentTree): readonly Unmade[] {
  const known = unmade.get(tree);
  if (known !== undefined) return known;
  const own = [...tree.entries()].filter(({ kind }) => kind !== "directory");
  const found = DERIVED.flatMap(({ files, from }): Unmade[] => {
    if (from === undefined) return [];
    const [isCache, isSource] = [anyOf(files), anyOf(from.sources)];
    const source = own.find((entry) => isSource(entry.path) && mentions(tree, entry, from.mentions));
    if (source === undefined || own.some((one) => isCache(one.path) && !isSource(one.path))) return [];
    return [{ files, from, source }];
  });
  unmade.set(tree, found);
  return found;
}

function mentions(tree: ContentTree, entry: FileEntry, word: string | undefined): boolean {
  return word === undefined || tree.textOf(entry).includes(word);
}

/** Whether one of the readers is in base or extension; where the source is in a folder of an architecture, of the same one. */
function isRead({ base, extension }: Context, readers: readonly string[], { path }: FileEntry): boolean {
  const settled = readers.map((one) => one.replace("/usr/lib/*/", folderOf(path)));
  const trees = [base.index, extension.tree.index];
  const patterns = settled.filter((one) => one.includes("*"));
  if (settled.some((one) => trees.some((tree) => tree.get(one) !== undefined))) return true;
  if (patterns.length === 0) return false;
  const isReader = anyOf(patterns);
  for (const tree of trees) for (const entry of tree.entries()) if (isReader(entry.path)) return true;
  return false;
}

function folderOf(path: string): string {
  return /^\/usr\/lib\/[^/]+-linux-[^/]+\//.exec(path)?.[0] ?? "/usr/lib/*/";
}
