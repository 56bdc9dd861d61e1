/** Why a package is in an image: the ways from what was asked for to it. */
import { byText } from "@tsbake/base";
import type { LayerFacts } from "../../facts/facts.js";

export interface Chain {
  /** What begins it: asked for by name, or essential and so in every base. */
  readonly root: "requested" | "essential";
  /** Names, from the one that begins it to the package itself. */
  readonly packages: readonly string[];
}

export type Presence =
  /** Shortest chains of each package that begins one; none when nothing of what was asked for needs it any more. */
  | { readonly kind: "in-image"; readonly chains: readonly Chain[]; readonly isCut: boolean }
  | { readonly kind: "in-base"; readonly version: string }
  | { readonly kind: "absent" };

/** There can be as many shortest chains as there are subsets of packages. */
const MOST_CHAINS = 50;

/** By length, then by name. */
export function whyPresent(facts: LayerFacts, name: string): Presence {
  if (!facts.packages.some((one) => one.name === name)) {
    const found = facts.inBase.find((one) => one.name === name);
    return found === undefined ? { kind: "absent" } : { kind: "in-base", version: found.version };
  }
  const steps = stepsTo(facts, name);
  const needs = new Map(facts.packages.map((one) => [one.name, one.depends]));
  const asked = new Set(facts.requested);
  const chains: Chain[] = [];
  for (const one of facts.packages) {
    const root = asked.has(one.name) ? "requested" : one.isEssential === true ? "essential" : undefined;
    if (root === undefined || !steps.has(one.name)) continue;
    for (const packages of shortest(one.name, steps, needs)) {
      chains.push({ root, packages });
      if (chains.length > MOST_CHAINS) break;
    }
  }
  chains.sort(
    (left, right) =>
      left.packages.length - right.packages.length ||
      byText(left.packages.join(" "), right.packages.join(" ")),
  );
  return {
    kind: "in-image",
    chains: chains.slice(0, MOST_CHAINS),
    isCut: chains.length > MOST_CHAINS,
  };
}

/** How many steps each package is away from needing `name`. */
function stepsTo(facts: LayerFacts, name: string): ReadonlyMap<string, number> {
  const users = new Map<string, string[]>();
  for (const one of facts.packages)
    for (const needed of one.depends) users.set(needed, [...(users.get(needed) ?? []), one.name]);
  const steps = new Map([[name, 0]]);
  // A Map is walked in the order in which it grows: what is nearer comes first.
  for (const [reached, count] of steps)
    for (const user of users.get(reached) ?? []) if (!steps.has(user)) steps.set(user, count + 1);
  return steps;
}

function* shortest(
  from: string,
  steps: ReadonlyMap<string, number>,
  needs: ReadonlyMap<string, readonly string[]>,
): Generator<readonly string[]> {
  const count = steps.get(from);
  if (count === 0) yield [from];
  else if (count !== undefined) {
    for (const next of needs.get(from) ?? []) {
      if (steps.get(next) !== count - 1) continue;
      for (const rest of shortest(next, steps, needs)) yield [from, ...rest];
    }
  }
}
