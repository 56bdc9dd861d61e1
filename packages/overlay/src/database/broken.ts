/** Dependencies that nothing in a database meets. */
import { byText } from "@tsbake/base";
import { meets, parseRelations } from "@tsbake/packaging";
import { providedBy } from "./merge.js";
import { type DatabaseState, isInstalled } from "./state.js";

export interface BrokenDependency {
  /** The package that needs it. */
  readonly name: string;
  /** As its stanza says it: `libfoo1 (>= 1.2) | libbar1`. */
  readonly missing: string;
}

/** Sorted by package. */
export function brokenDependencies({ packages }: DatabaseState): BrokenDependency[] {
  const there = [...packages.values()].filter(isInstalled);
  const given = new Map<string, string[]>();
  for (const one of there.flatMap(providedBy)) {
    const versions = given.get(one.name) ?? [];
    given.set(one.name, [...versions, one.version]);
  }
  const broken: BrokenDependency[] = [];
  for (const { stanza } of there) {
    for (const field of ["Pre-Depends", "Depends"]) {
      for (const group of parseRelations(stanza.get(field))) {
        const isMet = group.some(({ name, constraint }) =>
          // What is provided without a version meets no condition on one.
          (given.get(name) ?? []).some(
            (version) => constraint === "" || (version !== "" && meets(version, constraint)),
          ),
        );
        if (isMet) continue;
        const missing = group.map(({ name, constraint }) => (constraint ? `${name} (${constraint})` : name));
        broken.push({ name: stanza.get("Package") ?? "", missing: missing.join(" | ") });
      }
    }
  }
  return broken.sort((left, right) => byText(left.name, right.name));
}
