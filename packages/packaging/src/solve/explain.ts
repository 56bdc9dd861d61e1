/**
 * Why packages do not go together, in ten lines at most: what keeps them apart, as apt writes it, and the way from what was asked for
 * down to there.
 */
import type { Relation } from "../deb/stanza.js";
import type { Failure, Need } from "./search.js";
import { type Candidate, describeRelation, isMeant, type Universe } from "./universe.js";

/** Of a chain, and of options that are told. */
const MOST_STEPS = 5;
const MOST_OPTIONS = 6;

/** The first failure of a search, which is the one of what would have been preferred. */
export function whyUnsolvable(universe: Universe, { need, against }: Failure): string[] {
  const lines = against
    .slice(0, MOST_OPTIONS)
    .flatMap(({ option, enemy }) => (enemy === undefined ? [] : ruledOut(need, option, enemy)));
  if (against.length > MOST_OPTIONS)
    lines.push(`and ${against.length - MOST_OPTIONS} more that could meet it`);
  if (need.of !== undefined) {
    const why = against.length === 0 ? unavailable(universe, need) : "it is not going to be installed";
    lines.push(` ${need.of.name} : Depends: ${need.group.map(describeRelation).join(" | ")} but ${why}`);
  }
  const chain = chainOf(need);
  if (chain.length > 1) {
    const isLong = chain.length > MOST_STEPS;
    const shown = isLong ? [...chain.slice(0, 2), "…", ...chain.slice(3 - MOST_STEPS)] : chain;
    lines.push(`asked for by ${shown.join(" → ")}`);
  }
  const unwanted = against.filter(({ enemy }) => enemy === undefined).map(({ option }) => option.name);
  if (unwanted.length > 0)
    lines.push(`not to be installed: ${[...new Set(unwanted)].slice(0, MOST_STEPS).join(" ")}`);
  return lines;
}

function unavailable({ byName }: Universe, { group }: Need): string {
  const [first] = group;
  const [newest] = (first && byName.get(first.name)) ?? [];
  return newest === undefined ? "it is not installable" : `${newest.version} is to be installed`;
}

function ruledOut(need: Need, option: Candidate, enemy: Candidate): string[] {
  if (enemy.name === option.name) {
    if (need.of !== undefined) return [];
    return [
      ` ${option.name} : Depends: ${option.name} (= ${option.version}) but ${enemy.version} is to be installed`,
    ];
  }
  const conflict = (one: Candidate, other: Candidate): Relation | undefined =>
    one.enemies.find((relation) => isMeant(other, relation));
  const [who, other, relation] =
    conflict(option, enemy) === undefined
      ? [enemy, option, conflict(enemy, option)]
      : [option, enemy, conflict(option, enemy)];
  if (relation === undefined) return [];
  return [` ${who.name} : Conflicts: ${describeRelation(relation)} but ${other.version} is to be installed`];
}

/** From a wish down to whose need it is. */
function chainOf(need: Need): string[] {
  const names: string[] = [];
  for (let at: Need | undefined = need; at?.of !== undefined; at = at.because) names.unshift(at.of.name);
  return names;
}
