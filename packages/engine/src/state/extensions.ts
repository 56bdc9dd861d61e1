/** Which extensions a project has, and for which bases each is: for a look at all of them at once. */
import { BuildError, nearest, words } from "@tsbake/base";
import {
  multiconfigOf,
  recipeLabel,
  withMulticonfig,
  type ParsedProject,
  type Providers,
  type RecipeInfo,
} from "@tsbake/recipe";
import { noSuchExtension } from "../problems.js";

export interface ExtensionRecipe {
  /** As a target: `tools`, `mc:panel:tools`. */
  readonly name: string;
  /** SYSEXT_FAMILY: the same for one extension that is built for each of several bases. */
  readonly family: string;
  /** What it is built on: the recipe of a base, or of another extension. */
  readonly base: string;
  /** SYSEXT_ALSO_FOR. */
  readonly alsoFor: readonly string[];
}

/** What is asked of a project that has been parsed. */
export interface RecipeLookup {
  readonly project: Pick<ParsedProject, "recipes">;
  readonly providers: Pick<Providers, "findBuild">;
}

/**
 * All of a project, in the order of their names; one that is built for several bases begins with the recipe itself.
 *
 * @param targets with those that are built for other bases; empty: all that are of no core layer
 * @param coreLayer name of its collection
 * @throws BuildError `engine/no-such-extension`
 */
export function extensionRecipes(
  { project, providers }: RecipeLookup,
  targets: readonly string[],
  coreLayer: string,
): { readonly chosen: readonly ExtensionRecipe[]; readonly all: readonly ExtensionRecipe[] } {
  const recipes = [...project.recipes.values()].filter(isExtension);
  const all = recipes.map(extensionOf).sort(inOrder);
  if (targets.length === 0) {
    const own = new Set(recipes.filter(({ layer }) => layer !== coreLayer).map(recipeLabel));
    return { chosen: all.filter(({ name }) => own.has(name)), all };
  }
  const families = new Set<string>();
  for (const target of targets) {
    const id = providers.findBuild(target);
    const recipe = id === undefined ? undefined : project.recipes.get(id);
    const found = recipe && all.find(({ name }) => name === recipeLabel(recipe));
    const names = all.map(({ name }) => name);
    if (!found) throw new BuildError([noSuchExtension(target, nearest(target, names))]);
    families.add(found.family);
  }
  return { chosen: all.filter(({ family }) => families.has(family)), all };
}

function isExtension({ facts, skipped }: RecipeInfo): boolean {
  return skipped === undefined && Boolean(facts["SYSEXT_FAMILY"]?.value && facts["IMAGE_BASE_PKGDB"]?.value);
}

function extensionOf(recipe: RecipeInfo): ExtensionRecipe {
  const configuration = multiconfigOf(recipe.id);
  const fact = (name: string): string => recipe.facts[name]?.value ?? "";
  return {
    name: recipeLabel(recipe),
    family: fact("SYSEXT_FAMILY"),
    base: withMulticonfig(configuration, fact("IMAGE_BASE_PKGDB")),
    alsoFor: words(fact("SYSEXT_ALSO_FOR")).map((name) => withMulticonfig(configuration, name)),
  };
}

function inOrder(left: ExtensionRecipe, right: ExtensionRecipe): number {
  const key = ({ family, name }: ExtensionRecipe): string =>
    [family, name === family ? "0" : "1", name].join("\n");
  return key(left) < key(right) ? -1 : 1;
}
