/** What a set of packages needs, read from an installed database: the yardstick for what layering saves. */
import { byText } from "@tsbake/base";
import { type InstalledPackage, parseRelations } from "@tsbake/packaging";

/**
 * Which installed packages a package needs itself, sorted by name. Of alternatives the first installed one counts, a virtual
 * name stands for its first installed provider.
 *
 * @see Debian Policy 7.1, syntax of relationship fields
 */
export function directNeeds(
  packages: readonly InstalledPackage[],
): (one: InstalledPackage) => readonly InstalledPackage[] {
  const byName = namesIn(packages);
  return (one) => {
    const needed = new Set<InstalledPackage>();
    for (const field of ["Pre-Depends", "Depends"]) {
      for (const alternatives of parseRelations(one.stanza.get(field))) {
        const chosen = alternatives.find(({ name }) => byName.has(name));
        const found = chosen && byName.get(chosen.name);
        if (found !== undefined && found !== one) needed.add(found);
      }
    }
    return [...needed].sort((left, right) => byText(left.name, right.name));
  };
}

/** The packages that `roots` need, themselves included, all of them installed; sorted as `packages` is. */
export function installedClosure(
  packages: readonly InstalledPackage[],
  roots: readonly string[],
): InstalledPackage[] {
  const byName = namesIn(packages);
  const needs = directNeeds(packages);
  const seen = new Set<InstalledPackage>();
  const waiting = roots.map((name) => byName.get(name));
  while (waiting.length > 0) {
    const found = waiting.pop();
    if (found === undefined || seen.has(found)) continue;
    seen.add(found);
    waiting.push(...needs(found));
  }
  return packages.filter((one) => seen.has(one));
}

/** By real names, and by virtual ones where no real package has them. */
function namesIn(packages: readonly InstalledPackage[]): ReadonlyMap<string, InstalledPackage> {
  const byName = new Map<string, InstalledPackage>();
  for (const one of packages) {
    for (const { name } of parseRelations(one.stanza.get("Provides")).flat()) {
      if (!byName.has(name)) byName.set(name, one);
    }
  }
  // A real package beats a provider of its name.
  for (const one of packages) byName.set(one.name, one);
  return byName;
}

/** `Installed-Size` in bytes; the field counts KiB, rounded up by whoever wrote it. 0 when it is missing. */
export function installedSizeBytes(one: Pick<InstalledPackage, "stanza">): number {
  const kib = Number(one.stanza.get("Installed-Size") ?? "0");
  return Number.isSafeInteger(kib) && kib >= 0 ? kib * 1024 : 0;
}
