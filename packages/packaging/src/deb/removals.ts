/** Which packages go from a tree, and when: as apt orders it, what is in the way goes before anything is unpacked, the rest in the end. */
import type { Solution } from "../database/backend.js";
import { parseRelations, parseStanzas } from "./stanza.js";

export interface Removals {
  /** What new packages do not go together with. */
  readonly first: readonly string[];
  /** Whatever stood on these stands on what is new by then. */
  readonly last: readonly string[];
}

export const NOTHING_GOES: Removals = { first: [], last: [] };

/** @see Debian Policy 7.3 and 7.4, Breaks and Conflicts */
export function removalsOf({ packages, changes }: Solution): Removals {
  const gone = changes.filter(({ kind }) => kind === "removed").map(({ name }) => name);
  const enemies = new Set(
    packages
      .flatMap(({ stanza }) => parseStanzas(stanza).stanzas)
      .flatMap((stanza) =>
        ["Conflicts", "Breaks"].flatMap((field) => parseRelations(stanza.get(field)).flat()),
      )
      .map(({ name }) => name),
  );
  return { first: gone.filter((name) => enemies.has(name)), last: gone.filter((name) => !enemies.has(name)) };
}
