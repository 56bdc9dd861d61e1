/** Caches that are computed over all packages: whether what the extension brings is in them. */
import type { FileEntry } from "@tsbake/archive";
import { anyOf } from "../../rules/rules.js";
import { DERIVED } from "../../rules/derived.js";
import type { Context } from "../context.js";
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
    const own = [...context.extension.tree.entries()].filter(({ kind }) => kind !== "directory");
    for (const { files, from } of DERIVED) {
      if (from === undefined) continue;
      const [isCache, isSource] = [anyOf(files), anyOf(from.sources)];
      const source = own.find((entry) => isSource(entry.path) && mentions(context, entry, from.mentions));
      if (source === undefined || own.some((one) => isCache(one.path) && !isSource(one.path))) continue;
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

function mentions({ extension }: Context, entry: FileEntry, word: string | undefined): boolean {
  return word === undefined || extension.tree.textOf(entry).includes(word);
}

/** Whether one of the readers is in base or extension; where the source is in a folder of an architecture, of the same one. */
function isRead({ base, extension }: Context, readers: readonly string[], { path }: FileEntry): boolean {
  const isReader = anyOf(readers.map((one) => one.replace("/usr/lib/*/", folderOf(path))));
  for (const tree of [base.index, extension.tree.index])
    for (const entry of tree.entries()) if (isReader(entry.path)) return true;
  return false;
}

function folderOf(path: string): string {
  return /^\/usr\/lib\/[^/]+-linux-[^/]+\//.exec(path)?.[0] ?? "/usr/lib/*/";
}
