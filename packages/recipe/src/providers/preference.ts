/** Which version of one recipe: REQUIRED_VERSION, PREFERRED_VERSION, else the latest of the highest layer priority. */
import { byText, compareVersions, type Diagnostic } from "@tsbake/base";
import type { RecipeInfo } from "../recipe/info.js";
import * as problem from "../problems.js";

/** What of a recipe ranks it among others of its name. */
export type Ranked = Pick<RecipeInfo, "id" | "pe" | "pv" | "pr" | "layerPriority" | "defaultPreference">;

export interface Preferences {
  readonly text: (name: string) => string | undefined;
  readonly warn: (diagnostic: Diagnostic) => void;
}

export interface VersionChoice {
  /** The recipe that matches REQUIRED_VERSION or PREFERRED_VERSION; undefined when neither is set or met. */
  readonly recipe?: Ranked;
  readonly required: boolean;
  /** REQUIRED_VERSION is not there. */
  readonly failure?: Diagnostic;
}

/** @param item the name that was asked for, for messages */
export function chooseVersions(
  pn: string,
  recipes: readonly Ranked[],
  preferences: Preferences,
  item = pn,
): VersionChoice {
  const requiredText = versionVariable("REQUIRED", pn, preferences);
  const preferredText = versionVariable("PREFERRED", pn, preferences);
  if (requiredText && preferredText) preferences.warn(problem.twoVersionPreferences(pn, requiredText));
  const required = Boolean(requiredText);
  const wanted = requiredText || preferredText;
  if (!wanted) return { required };
  const recipe = byPriority(recipes)
    .flat()
    .find((one) => isVersion(one, wanted));
  if (recipe) return { recipe, required };
  const available = [...new Set(recipes.map(({ pe, pv }) => (pe ? `${pe}:${pv}` : pv)))].sort(byText);
  const details = { pn, item, wanted, available };
  if (required) return { required, failure: problem.requiredVersionMissing(details) };
  preferences.warn(problem.preferredVersionMissing(details));
  return { required };
}

/** Read by literal names, not through overrides: a PN may hold what an override may not. */
function versionVariable(keyword: string, pn: string, { text }: Preferences): string | undefined {
  return (
    text(`${keyword}_VERSION:pn-${pn}`) || text(`${keyword}_VERSION_${pn}`) || text(`${keyword}_VERSION`)
  );
}

/** `[epoch:]version`, with `%` at the end for any rest. */
function isVersion({ pe, pv }: Ranked, wanted: string): boolean {
  const match = /^(?:(\d+):)*(.*)$/.exec(wanted)!;
  if (match[1] !== undefined && match[1] !== pe) return false;
  const version = match[2]!;
  return version === pv || (version.endsWith("%") && pv.startsWith(version.slice(0, -1)));
}

/** Sets of equal layer priority, highest first; in a set by DEFAULT_PREFERENCE, lowest first, as BitBake searches them. */
function byPriority(recipes: readonly Ranked[]): Ranked[][] {
  const sets = new Map<number, Ranked[]>();
  for (const recipe of recipes)
    sets.set(recipe.layerPriority, [...(sets.get(recipe.layerPriority) ?? []), recipe]);
  return [...sets.keys()]
    .sort((left, right) => right - left)
    .map((priority) =>
      sets.get(priority)!.sort((left, right) => left.defaultPreference - right.defaultPreference),
    );
}

/** The newest of the highest layer priority; a higher DEFAULT_PREFERENCE beats a newer version. */
export function latestVersion(recipes: readonly Ranked[]): Ranked {
  let latest: Ranked | undefined;
  let preference = 0;
  for (const recipe of byPriority(recipes)[0] ?? []) {
    const mine = recipe.defaultPreference;
    const newer = latest && preference === mine && compareVersions(parts(latest), parts(recipe)) < 0;
    if (latest && !newer && mine <= preference) continue;
    latest = recipe;
    preference = mine;
  }
  if (!latest) throw new Error("internal: no recipe to choose from");
  return latest;
}

function parts({ pe, pv, pr }: Ranked): [string, string, string] {
  return [pe, pv, pr];
}
