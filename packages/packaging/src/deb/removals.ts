/** Which packages go from a tree, and when: as apt orders it, what is in the way goes before anything is unpacked, the rest in the end. */
import type { Solution } from "../database/backend.js";
import type { InstalledPackage } from "../database/database.js";
import { parseRelations, parseStanzas, type Stanza } from "./stanza.js";

export interface Removals {
  /** What does not go together with new packages. */
  readonly first: readonly string[];
  /** Whatever stood on these stands on what is new by then. */
  readonly last: readonly string[];
}

export const NOTHING_GOES: Removals = { first: [], last: [] };

/**
 * @param base what is installed before
 * @see Debian Policy 7.3 and 7.4, Breaks and Conflicts; 7.5, virtual names
 */
export function removalsOf(
  { packages, changes }: Solution,
  base: readonly Pick<InstalledPackage, "name" | "stanza">[],
): Removals {
  const gone = new Set(changes.filter(({ kind }) => kind === "removed").map(({ name }) => name));
  const fresh = packages.flatMap(({ stanza }) => parseStanzas(stanza).stanzas);
  const [names, enemies] = [new Set(fresh.flatMap(namesOf)), new Set(fresh.flatMap(enemiesOf))];
  const isInTheWay = (stanza: Stanza): boolean =>
    namesOf(stanza).some((name) => enemies.has(name)) || enemiesOf(stanza).some((name) => names.has(name));
  const leaving = base.filter(({ name }) => gone.has(name));
  return {
    first: leaving.filter(({ stanza }) => isInTheWay(stanza)).map(({ name }) => name),
    last: leaving.filter(({ stanza }) => !isInTheWay(stanza)).map(({ name }) => name),
  };
}

/** Its own, and those that it provides. */
function namesOf(stanza: Stanza): string[] {
  const provided = parseRelations(stanza.get("Provides")).flat();
  return [stanza.get("Package") ?? "", ...provided.map(({ name }) => name)];
}

function enemiesOf(stanza: Stanza): string[] {
  return ["Conflicts", "Breaks"].flatMap((field) =>
    parseRelations(stanza.get(field))
      .flat()
      .map(({ name }) => name),
  );
}
