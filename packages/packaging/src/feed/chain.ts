/** Who asks for a package: the shortest way from a root package down to it, for messages and `why PACKAGE`. */
import type { AvailablePackage } from "./closure.js";
import type { Change } from "../database/change.js";
import { parseRelations, parseStanzas } from "../deb/stanza.js";
import type { Stanza } from "../deb/stanza.js";

interface Step {
  readonly name: string;
  readonly constraint: string;
  readonly before: Step | undefined;
}

/**
 * @param packages what is to be installed, its stanzas say who needs whom
 * @param roots as asked for: `name`, `name=version`; other words are left out
 * @returns `htop`, `libncursesw6 (>= 6)`, …, the changed package last; empty when no way is known
 */
export function whyChain(
  change: Pick<Change, "kind" | "name">,
  packages: readonly AvailablePackage[],
  roots: readonly string[],
): string[] {
  const stanzas = new Map(packages.map((one) => [one.name, parseStanzas(one.stanza).stanzas[0]]));
  const queue: Step[] = roots
    .filter((root) => /^[a-z0-9]/.test(root))
    .map((root) => ({ name: root.replace(/[=/].*$/, ""), constraint: "", before: undefined }));
  const seen = new Set(queue.map(({ name }) => name));
  for (let step = queue.shift(); step; step = queue.shift()) {
    if (change.kind !== "removed" && step.name === change.name) return toTexts(step);
    const stanza = stanzas.get(step.name);
    if (!stanza) continue;
    if (change.kind === "removed" && enemies(stanza).has(change.name)) {
      return [...toTexts(step), `${change.name} (conflict)`];
    }
    for (const group of needs(stanza)) {
      for (const { name, constraint } of group) {
        if (!seen.has(name)) queue.push({ name, constraint, before: step });
        seen.add(name);
      }
    }
  }
  return [];
}

function needs(stanza: Stanza) {
  return [...parseRelations(stanza.get("Pre-Depends")), ...parseRelations(stanza.get("Depends"))];
}

function enemies(stanza: Stanza): Set<string> {
  const groups = [...parseRelations(stanza.get("Conflicts")), ...parseRelations(stanza.get("Breaks"))];
  return new Set(groups.flat().map(({ name }) => name));
}

function toTexts(step: Step): string[] {
  const texts: string[] = [];
  for (let at: Step | undefined = step; at; at = at.before) {
    texts.unshift(at.constraint === "" ? at.name : `${at.name} (${at.constraint})`);
  }
  return texts;
}
