/**
 * Needs that do not count for OE's signatures: their recipes promise that what needs them stays right.
 *
 * @see OE-core meta/lib/oe/sstatesig.py (sstate_rundepfilter); its rules on kernels and package groups are left out
 */
import { words } from "@tsbake/base";
import { multiconfigOf, type RecipeInfo } from "@tsbake/recipe";

export type KeepsNeed = (recipe: RecipeInfo, task: string, need: RecipeInfo) => boolean;

/** @param text a variable of the configuration, expanded */
export function openSafeNeeds(text: (name: string) => string | undefined): KeepsNeed {
  // `virtual/x` stands for the recipe that is preferred for it.
  const real = (name: string) =>
    name.startsWith("virtual/") ? (text(`PREFERRED_PROVIDER_${name}`) ?? name) : name;
  const pairs = new Set(
    words(text("SIGGEN_EXCLUDE_SAFE_RECIPE_DEPS")).map((pair) => pair.split("->").map(real).join("->")),
  );
  const stable = new Set(words(text("SIGGEN_EXCLUDERECIPES_ABISAFE")).map(real));
  return (recipe, task, need) => {
    if (task === "do_rm_work") return false;
    if (recipe.pn === need.pn && multiconfigOf(recipe.id) === multiconfigOf(need.id)) return true;
    if (pairs.has(`${recipe.pn}->${need.pn}`)) return false;
    if (pairs.has(`*->${need.pn}`) && recipe.pn !== need.pn) return false;
    if (isForBuilding(recipe.pn)) return true;
    return !stable.has(need.pn) || recipe.tasks["do_rootfs"] !== undefined;
  };
}

/** Runs on the machine that builds: any change of what it is made from may matter. */
function isForBuilding(pn: string): boolean {
  return pn.endsWith("-native") || pn.includes("-cross-") || pn.startsWith("nativesdk-");
}
