/** What a Debian package says of others, as rpm says it. */
import type { Relation } from "../deb/stanza.js";
import type { NeutralPackage, NeutralRelations } from "../repackage/index.js";
import { evrText, type RelationKind, type RpmRelation } from "./format/spec.js";
import { evrOfDebian } from "./version.js";

/** Provided by what every system has to have: rpm knows no such thing, and indexes of repositories have relations only. */
export const ESSENTIAL_NAME = "debian(essential)";
const ESSENTIAL: RpmRelation = { name: ESSENTIAL_NAME, operator: "", version: "" };

const OPERATORS: Readonly<Record<string, RpmRelation["operator"]>> = {
  "<<": "<",
  "<": "<=",
  "<=": "<=",
  "=": "=",
  ">=": ">=",
  ">": ">=",
  ">>": ">",
};

/**
 * Alternatives become a rich dependency. What breaks another package conflicts with it, as in one set of packages both say. What
 * replaces another one and conflicts with it obsoletes it; what only takes over files says nothing that rpm knows.
 */
export function rpmRelations({
  relations: of,
  isEssential,
}: Pick<NeutralPackage, "relations" | "isEssential">): Partial<Record<RelationKind, readonly RpmRelation[]>> {
  const single = (groups: NeutralRelations["depends"]): RpmRelation[] => groups.map(groupOf);
  const conflicts = [...of.conflicts, ...of.breaks].flat();
  const conflicting = new Set(of.conflicts.flat().map(textOf));
  return {
    require: [
      ...single(of.preDepends).map((one): RpmRelation => ({ ...one, forScript: "preInstall" })),
      ...single(of.depends),
    ],
    recommend: single(of.recommends),
    suggest: single(of.suggests),
    enhance: single(of.enhances),
    provide: [...of.provides.flat().map(relationOf), ...(isEssential ? [ESSENTIAL] : [])],
    conflict: conflicts.map(relationOf),
    obsolete: of.replaces
      .flat()
      .filter((one) => conflicting.has(textOf(one)))
      .map(relationOf),
  };
}

function groupOf(alternatives: readonly Relation[]): RpmRelation {
  const [first, ...others] = alternatives.map(relationOf);
  if (others.length === 0) return first!;
  return { name: `(${[first!, ...others].map(textOfRpm).join(" or ")})`, operator: "", version: "" };
}

function relationOf({ name, constraint }: Relation): RpmRelation {
  const [, operator = "", version = ""] = /^\s*(<<|<=|=|>=|>>|<|>)?\s*(\S*)\s*$/.exec(constraint) ?? [];
  if (version === "") return { name, operator: "", version: "" };
  // A release is always said: rpm takes any for equal to one that is not.
  return { name, operator: OPERATORS[operator] ?? "=", version: evrText(evrOfDebian(version)) };
}

function textOfRpm({ name, operator, version }: RpmRelation): string {
  return operator === "" ? name : `${name} ${operator} ${version}`;
}

function textOf({ name, constraint }: Relation): string {
  return `${name} ${constraint}`;
}
