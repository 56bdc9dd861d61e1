/** `-b FILE`: a project of one recipe, which needs nothing of others. */
import { withoutNeeds } from "@tsbake/recipe";
import type { ParsedProject, Providers, RecipeId } from "@tsbake/recipe";

export interface OneRecipe {
  readonly id: RecipeId;
  readonly project: ParsedProject;
  readonly providers: Providers;
}

/** Undefined when the project was read in full. */
export function oneRecipe(project: ParsedProject): OneRecipe | undefined {
  const id = project.wanted;
  const recipe = id && project.recipes.get(id);
  if (!recipe) return undefined;
  return {
    id,
    project: { ...project, recipes: new Map([[id, withoutNeeds(recipe)]]) },
    providers: {
      build: () => id,
      findBuild: () => id,
      // Whatever a flag names is taken for there.
      runtime: () => id,
      findRuntime: () => undefined,
      isAssumedProvided: () => true,
      versions: () => [],
      world: () => [id],
    },
  };
}
