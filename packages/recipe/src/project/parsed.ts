/** The parsed project as the engine sees it: plain data of all recipes, datastores on demand. */
import type { Datastore } from "@tsbake/datastore";
import { recipeKey, type CachedConfiguration, type CachedRecipe } from "../cache/cache.js";
import { multiconfigOf } from "../configuration/multiconfig.js";
import type { CollectedFiles, RecipeFile } from "../files/collect.js";
import { isPreference } from "../providers/preference-names.js";
import type { RecipeId, RecipeInfo } from "../recipe/info.js";
import { OpenRecipes } from "../recipe/open-recipes.js";
import { isListed } from "./listed.js";
import type { Reading } from "./reading.js";
import type { Layer, ParsedProject } from "./types.js";

export interface ProjectParts {
  /** By name in BBMULTICONFIG, the default one first. */
  readonly configurations: ReadonlyMap<string, CachedConfiguration>;
  readonly collected: readonly CollectedFiles[];
  readonly files: readonly RecipeFile[];
  /** By `recipeKey`. */
  readonly parsed: ReadonlyMap<string, CachedRecipe>;
  readonly cached: number;
}

/** @param parts of the cache and of this parse alike */
export function assembleProject(parts: ProjectParts, reading: Reading): ParsedProject {
  const { configurations, collected, files, parsed, cached } = parts;
  const recipes = new Map<RecipeId, RecipeInfo>();
  for (const file of files) {
    for (const info of parsed.get(recipeKey(file))?.infos ?? []) recipes.set(info.id, info);
  }
  const byKey = new Map(files.map((file) => [recipeKey(file), file]));
  const opened = new OpenRecipes(recipes, byKey, reading.python, (multiconfig) =>
    reading.context(multiconfig),
  );
  const datastore = (multiconfig = ""): Datastore => reading.configuration(multiconfig);
  const first = configurations.get("")!;
  return {
    configuration: datastore,
    configurationText: valuesOf(configurations, datastore),
    taskThreads: first.taskThreads,
    multiconfigs: [...configurations.keys()],
    recipes,
    layers: first.collect.collections.map(({ name, path, priority }): Layer => ({ name, path, priority })),
    statistics: {
      files: files.length,
      cached,
      skipped: [...recipes.values()].filter(({ skipped }) => skipped !== undefined).length,
      masked: collected.reduce((sum, { masked }) => sum + masked, 0),
    },
    appends: (path, multiconfig = "") => byKey.get(recipeKey({ path, multiconfig }))?.appends ?? [],
    openRecipe: (id) => opened.open(id),
    listens: (eventClass, multiconfig = "") => isListed(eventClass, configurations.get(multiconfig)?.events),
    prepareEvents: async () => {
      await reading.openPython();
      for (const multiconfig of configurations.keys()) datastore(multiconfig);
    },
    fireEvent: (event, multiconfig, d = datastore(multiconfig)) => {
      reading.python.reset();
      reading.fire(event, d);
    },
    fireRecipeEvent: (event, recipe, d) => {
      opened.open(recipe);
      reading.fire(event, d);
    },
    prepare: async (ids = []) => {
      await reading.withPython(() => datastore());
      for (const id of ids) {
        await reading.withPython(() => datastore(multiconfigOf(id)));
        await reading.withPython(() => opened.open(id));
      }
    },
    diagnostics: reading.diagnostics,
  };
}

/** Values that the cache has, without making a datastore; any other by making one. */
function valuesOf(
  configurations: ReadonlyMap<string, CachedConfiguration>,
  datastore: (multiconfig: string) => Datastore,
): ParsedProject["configurationText"] {
  const absent = new Map([...configurations].map(([name, one]) => [name, new Set(one.absent)]));
  return (name, multiconfig = "") => {
    const value = configurations.get(multiconfig)?.values[name];
    if (value !== undefined || absent.get(multiconfig)?.has(name) || isPreference(name)) return value;
    return datastore(multiconfig).getText(name);
  };
}
