/** What a set of packages needs, read from an installed database: the yardstick for what layering saves. */
import { type InstalledPackage, parseRelations } from "@tsbake/packaging";

/**
 * The packages that `roots` need, themselves included, all of them installed; sorted as `packages` is.
 * Of alternatives the first installed one counts, a virtual name stands for its first installed provider.
 *
 * @see Debian Policy 7.1, syntax of relationship fields
 */
export function installedClosure(
  packages: readonly InstalledPackage[],
  roots: readonly string[],
): InstalledPackage[] {
  const byName = new Map<string, InstalledPackage>();
  for (const one of packages) {
    for (const { name } of parseRelations(one.stanza.get("Provides")).flat()) {
      if (!byName.has(name)) byName.set(name, one);
    }
  }
  // A real package beats a provider of its name.
  for (const one of packages) byName.set(one.name, one);
  const seen = new Set<InstalledPackage>();
  const waiting = [...roots];
  for (let name = waiting.pop(); name !== undefined; name = waiting.pop()) {
    const found = byName.get(name);
    if (found === undefined || seen.has(found)) continue;
    seen.add(found);
    for (const field of ["Pre-Depends", "Depends"]) {
      for (const alternatives of parseRelations(found.stanza.get(field))) {
        const chosen = alternatives.find((one) => byName.has(one.name));
        if (chosen !== undefined) waiting.push(chosen.name);
      }
    }
  }
  return packages.filter((one) => seen.has(one));
}

/** `Installed-Size` in bytes; the field counts KiB, rounded up by whoever wrote it. 0 when it is missing. */
export function installedSizeBytes(one: Pick<InstalledPackage, "stanza">): number {
  const kib = Number(one.stanza.get("Installed-Size") ?? "0");
  return Number.isSafeInteger(kib) && kib >= 0 ? kib * 1024 : 0;
}
