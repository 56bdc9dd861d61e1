/** What is told of one package of an image, from its stanza in the package database (deb-control(5)). */
import type { InstalledPackage } from "@tsbake/packaging";
import { installedSizeBytes } from "./closure.js";
import type { PackageFact } from "./facts.js";

/**
 * @param from where its file came from, and the file's SHA-256 where it is known
 * @param depends packages that it needs itself
 */
export function packageFact(
  one: InstalledPackage,
  from: { readonly sha256: string | undefined; readonly isFromArchive: boolean },
  depends: readonly InstalledPackage[],
): PackageFact {
  const field = (name: string): string | undefined => one.stanza.get(name)?.trim() || undefined;
  const licence = field("License");
  const maintainer = field("Maintainer");
  const source = field("Source");
  return {
    name: one.name,
    version: one.version,
    architecture: one.architecture,
    origin: from.isFromArchive ? "archive" : "recipe",
    ...(from.sha256 === undefined ? {} : { sha256: from.sha256 }),
    ...(licence === undefined ? {} : { licence }),
    ...(maintainer === undefined ? {} : { maintainer }),
    ...(source === undefined ? {} : { source: sourceOf(source, one.version) }),
    ...(field("Essential") === "yes" ? { isEssential: true as const } : {}),
    installedSizeBytes: installedSizeBytes(one),
    depends: depends.map(({ name }) => name),
  };
}

/** `Source: NAME (VERSION)`; the version is left out where it is the package's own. */
function sourceOf(field: string, ownVersion: string): NonNullable<PackageFact["source"]> {
  const [, name = field, version = ownVersion] = /^(\S+)\s*\(([^)]*)\)$/.exec(field) ?? [];
  return { name, version };
}
