/** What a solver can choose from: versions of packages, who provides what, and what keeps two apart. */
import { byText } from "@tsbake/base";
import type { Planned } from "../database/backend.js";
import type { InstalledPackage } from "../database/database.js";
import { parseRelations, parseStanzas, type Relation, type Stanza } from "../deb/stanza.js";
import { compareDebVersions, meets } from "../deb/version.js";

export interface Candidate {
  readonly name: string;
  readonly version: string;
  readonly architecture: string;
  /** Undefined for what is installed and not offered. */
  readonly planned: Planned | undefined;
  readonly isInstalled: boolean;
  /** It stays as it is: opkg's flag `hold`. */
  readonly isHeld: boolean;
  readonly isEssential: boolean;
  /** Pre-Depends and Depends: each group has to be met by one of its alternatives. */
  readonly needs: readonly (readonly Relation[])[];
  readonly recommends: readonly (readonly Relation[])[];
  /** Conflicts, and Breaks where a feed has it. */
  readonly enemies: readonly Relation[];
  /** `constraint` is `= VERSION`, or empty: such a name meets no relation with a version. */
  readonly provides: readonly Relation[];
}

export interface Universe {
  /** By name, the newest first. */
  readonly byName: ReadonlyMap<string, readonly Candidate[]>;
  /** Who provides a name beside those that have it, sorted by name, the newest first. */
  readonly providers: ReadonlyMap<string, readonly Candidate[]>;
}

/** @param offered of all sources @param installed of the root or snapshot that is installed on */
export function universeOf(offered: readonly Planned[], installed: readonly InstalledPackage[]): Universe {
  const there = new Map(installed.map((one) => [one.name, one]));
  const all = offered.map((planned) => {
    const [stanza = new Map<string, string>()] = parseStanzas(planned.stanza).stanzas;
    const old = there.get(planned.name);
    const isInstalled = old?.version === planned.version && old.architecture === planned.architecture;
    // What is installed says itself what it needs.
    return isInstalled ? candidateOf(old.stanza, planned, old) : candidateOf(stanza, planned, undefined);
  });
  const known = new Set(all.filter(({ isInstalled }) => isInstalled).map(({ name }) => name));
  for (const one of installed) if (!known.has(one.name)) all.push(candidateOf(one.stanza, undefined, one));
  all.sort((left, right) => byText(left.name, right.name) || compareDebVersions(right.version, left.version));
  const byName = grouped(all.map((one) => [one.name, one]));
  const provided = all.flatMap((one) =>
    [...new Set(one.provides.map(({ name }) => name))]
      .filter((name) => name !== one.name)
      .map((name): [string, Candidate] => [name, one]),
  );
  return { byName, providers: grouped(provided) };
}

function candidateOf(
  stanza: Stanza,
  planned: Planned | undefined,
  installed: InstalledPackage | undefined,
): Candidate {
  const of = (field: string) => parseRelations(stanza.get(field));
  const { name, version, architecture } = planned ?? installed!;
  return {
    name,
    version,
    architecture,
    planned,
    isInstalled: installed !== undefined,
    isHeld: installed?.stanza.get("Status")?.split(" ")[1] === "hold",
    isEssential: stanza.get("Essential") === "yes",
    needs: [...of("Pre-Depends"), ...of("Depends")],
    recommends: of("Recommends"),
    enemies: [...of("Conflicts"), ...of("Breaks")].flat(),
    provides: of("Provides").flat(),
  };
}

function grouped(pairs: readonly (readonly [string, Candidate])[]): Map<string, Candidate[]> {
  const found = new Map<string, Candidate[]>();
  for (const [name, one] of pairs) {
    const list = found.get(name);
    if (list) list.push(one);
    else found.set(name, [one]);
  }
  return found;
}

/** Whether a candidate is what a relation names: by its name, or by what it provides. */
export function isMeant(one: Candidate, { name, constraint }: Relation): boolean {
  if (one.name === name && meets(one.version, constraint)) return true;
  return one.provides.some(
    (provided) =>
      provided.name === name &&
      (constraint === "" ||
        (provided.constraint !== "" && meets(provided.constraint.replace(/^=\s*/, ""), constraint))),
  );
}

/** Whether both cannot be there together. A package that conflicts with what it provides itself means all others. */
export function areEnemies(one: Candidate, other: Candidate): boolean {
  return (
    one.name !== other.name &&
    (one.enemies.some((relation) => isMeant(other, relation)) ||
      other.enemies.some((relation) => isMeant(one, relation)))
  );
}

/** What meets a group, in the order of its alternatives; of each, those of that name before those that provide it. */
export function optionsFor({ byName, providers }: Universe, group: readonly Relation[]): Candidate[] {
  const found = new Set<Candidate>();
  for (const relation of group) {
    for (const one of [...(byName.get(relation.name) ?? []), ...(providers.get(relation.name) ?? [])])
      if (isMeant(one, relation)) found.add(one);
  }
  return [...found];
}

/** As apt writes it: `libc6 (>= 2.36)`. */
export function describeRelation({ name, constraint }: Relation): string {
  return constraint === "" ? name : `${name} (${constraint})`;
}
