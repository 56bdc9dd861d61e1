/** `[requires]`: conditions that a task puts on other recipes, checked before anything runs. */
import { nearest, type Diagnostic } from "@tsbake/base";
import { multiconfigOf, withMulticonfig, type RecipeId, type RecipeInfo } from "@tsbake/recipe";
import * as problem from "../problems.js";
import type { Asker } from "../problems.js";
import type { GraphOptions } from "../types.js";

/**
 * The conditions of one task that do not hold.
 *
 * @param words `recipe:VARIABLE=value`, from the flag
 * @returns what is wrong, and the names of the recipes concerned: it explains further problems with these
 */
export function checkRequirements(
  asker: Asker,
  words: readonly string[],
  options: Pick<GraphOptions, "project" | "providers">,
): { problems: Diagnostic[]; recipes: Set<string> } {
  const problems: Diagnostic[] = [];
  const recipes = new Set<string>();
  for (const word of words) {
    const wanted = parseRequirement(word);
    if (!wanted) {
      problems.push(problem.requiresForm(asker, word));
      continue;
    }
    const id = options.providers.findBuild(withMulticonfig(multiconfigOf(asker.recipe.id), wanted.recipe));
    const recipe = id === undefined ? undefined : options.project.recipes.get(id);
    if (recipe && problem.factOf(recipe, wanted.variable)?.value.trim() === wanted.value) continue;
    // One message for a recipe that is not there, however many conditions there are on it.
    if (!recipe && recipes.has(wanted.recipe)) continue;
    recipes.add(wanted.recipe);
    problems.push(
      recipe
        ? problem.requirement(asker, wanted, { recipe })
        : problem.requirement(asker, wanted, { near: nearRecipes(wanted.recipe, options.project.recipes) }),
    );
  }
  return { problems, recipes };
}

function parseRequirement(word: string): problem.Requirement | undefined {
  const equals = word.indexOf("=");
  const colon = word.lastIndexOf(":", equals);
  if (equals === -1 || colon <= 0 || colon + 1 >= equals) return undefined;
  return {
    recipe: word.slice(0, colon),
    variable: word.slice(colon + 1, equals),
    value: word.slice(equals + 1),
  };
}

function nearRecipes(name: string, recipes: ReadonlyMap<RecipeId, RecipeInfo>): string[] {
  return nearest(
    name,
    [...recipes.values()].filter(({ skipped }) => skipped === undefined).map(({ pn }) => pn),
  );
}
