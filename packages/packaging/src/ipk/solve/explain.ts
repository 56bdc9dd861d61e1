/** Why packages do not go together, in ten lines at most: who asks for what nothing meets, and what stands against each option. */
import type { Failure, Need } from "./search.js";
import { type Candidate, describeRelation, type Universe } from "./universe.js";

const MOST_STEPS = 5;
const MOST_OPTIONS = 3;

/** Lines as apt writes them, ` x : Depends: y but …`, then the way from what was asked for, then the options. */
export function explainFailure(universe: Universe, { need, against }: Failure): string[] {
  const what = need.group.map(describeRelation).join(" | ");
  const who = need.of === undefined ? "the image" : named(need.of);
  const why = against.length === 0 ? unavailable(universe, need) : "every package that meets it is ruled out";
  const lines = [` ${who} : Depends: ${what} but ${why}`];
  const chain = chainOf(need);
  if (chain.length > 1) {
    const shown =
      chain.length > MOST_STEPS ? [...chain.slice(0, 2), "…", ...chain.slice(3 - MOST_STEPS)] : chain;
    lines.push(`asked for by ${shown.join(" → ")}`);
  }
  for (const { option, enemy } of against.slice(0, MOST_OPTIONS)) lines.push(ruledOut(option, enemy));
  if (against.length > MOST_OPTIONS) lines.push(`and ${against.length - MOST_OPTIONS} more`);
  return lines;
}

function unavailable({ byName }: Universe, { group }: Need): string {
  const [first] = group;
  const there = first && byName.get(first.name)?.[0];
  return there === undefined ? "it is not installable" : `${there.version} is to be installed`;
}

function ruledOut(option: Candidate, enemy: Candidate | undefined): string {
  if (enemy === undefined) return `${named(option)} is not wanted`;
  if (enemy.name === option.name) return `${named(option)}: ${enemy.version} has to be there`;
  return `${named(option)} and ${named(enemy)} conflict`;
}

function named({ name, version }: Candidate): string {
  return `${name} ${version}`;
}

/** From a wish down to whose need it is. */
function chainOf(need: Need): string[] {
  const names: string[] = [];
  for (let at: Need | undefined = need; at?.of !== undefined; at = at.because) names.unshift(at.of.name);
  return names;
}
