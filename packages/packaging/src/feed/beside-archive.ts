/** What the archive has to give beside feeds of the format's own. */
import { sortedUnique } from "@tsbake/base";
import { parseRelations, parseStanzas, type Relation, type Stanza } from "../deb/stanza.js";

export interface ArchiveShare {
  /** Roots that no feed has: the archive must have them. */
  readonly roots: readonly string[];
  /**
   * What packages of the feeds need and no feed has, alternatives each: the archive gives one where it can. What it cannot give may be
   * a package of a recipe, which only who installs knows.
   */
  readonly wanted: readonly (readonly string[])[];
}

/**
 * A root that a feed has comes from the feed, also where the archive has that name.
 *
 * @param roots package names, `name=version` or `name/release`
 * @param indexes of feeds, as opkg writes them
 */
export function shareOfArchive(roots: readonly string[], indexes: readonly string[]): ArchiveShare {
  const offered = new Map<string, Stanza[]>();
  const offer = (name: string, stanza: Stanza): void => {
    const same = offered.get(name);
    if (same) same.push(stanza);
    else offered.set(name, [stanza]);
  };
  for (const stanza of indexes.flatMap((text) => parseStanzas(text).stanzas)) {
    offer(stanza.get("Package") ?? "", stanza);
    for (const [one] of parseRelations(stanza.get("Provides"))) if (one) offer(one.name, stanza);
  }
  const nameOf = (root: string): string => root.replace(/[=/].*$/, "");
  const seen = new Set<string>();
  const open = roots.map(nameOf).filter((name) => offered.has(name));
  const wanted = new Map<string, readonly string[]>();
  for (let name = open.pop(); name !== undefined; name = open.pop()) {
    if (seen.has(name)) continue;
    seen.add(name);
    for (const group of (offered.get(name) ?? []).flatMap(needsOf)) {
      const names = group.map((one) => one.name);
      const here = names.filter((one) => offered.has(one));
      open.push(...here);
      if (here.length === 0) wanted.set(names.join(" "), names);
    }
  }
  return {
    roots: roots.filter((root) => !offered.has(nameOf(root))),
    wanted: sortedUnique([...wanted.keys()]).map((key) => wanted.get(key)!),
  };
}

function needsOf(stanza: Stanza): Relation[][] {
  return ["Pre-Depends", "Depends"].flatMap((field) => parseRelations(stanza.get(field)));
}
