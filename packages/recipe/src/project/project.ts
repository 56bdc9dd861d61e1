/** Reads a whole project: configuration and recipes, from the cache where nothing they looked at has changed. */
import { join } from "node:path";
import { BuildError, openHasher, type Diagnostic } from "@tsbake/base";
import { CacheStore, type CachedConfiguration, type ParseCache } from "../cache/cache.js";
import { collectFiles, type CollectedFiles } from "../files/collect.js";
import { findRecipeFile, wantedMulticonfig, wantedRecipe, type WantedFile } from "../files/one-file.js";
import * as problem from "../problems.js";
import { areConfigurationsValid, readConfigurations } from "./configurations.js";
import { assembleProject } from "./parsed.js";
import { Reading } from "./reading.js";
import { readRecipes } from "./recipes.js";
import { DEFAULTS, type CompleteOptions, type ParsedProject, type ParseOptions } from "./types.js";

/**
 * Reads layers, configuration and recipes, from the parse cache where every file that was looked at is unchanged
 * (stat first, content when the stat differs).
 *
 * @throws BuildError with every file's errors when any file is wrong
 */
export async function parseProject(options: ParseOptions): Promise<ParsedProject> {
  const reading = new Reading({ ...DEFAULTS, ...options }, await openHasher());
  const store = openStore(reading);
  const cache = (options.useCache ?? true) ? store.read() : undefined;
  const isKept =
    cache !== undefined && areConfigurationsValid(cache.configurations, options.environment, store);
  const configurations = isKept ? cache.configurations : await readConfigurations(reading);
  const own = configurations.get("")!;
  const coreLayers = await options.coreLayersOf?.((name) => own.values[name]);
  if (coreLayers !== undefined && coreLayers.join("\n") !== (options.coreLayers ?? []).join("\n")) {
    const { coreLayersOf: _, ...rest } = options;
    return parseProject({ ...rest, coreLayers });
  }
  const parse: Parse = { reading, store, cache, configurations, isKept };
  return options.recipeFile ? parseOne(options.recipeFile, parse) : parseAll(parse);
}

interface Parse {
  readonly reading: Reading;
  readonly store: CacheStore;
  readonly cache: ParseCache | undefined;
  readonly configurations: ReadonlyMap<string, CachedConfiguration>;
  /** The configurations are those of the cache. */
  readonly isKept: boolean;
}

function openStore({ options, files, hasher }: Reading): CacheStore {
  const { signer, coreLayers, preFiles, postFiles, initial, cacheKey, cachedConfig }: CompleteOptions =
    options;
  const settings = [signer.name, coreLayers, preFiles, postFiles, initial, cacheKey, cachedConfig];
  return new CacheStore(join(options.topdir, "cache"), settings, files, hasher);
}

async function parseAll({ reading, store, cache, configurations, isKept }: Parse): Promise<ParsedProject> {
  const dangling: Diagnostic[] = [];
  const collected: CollectedFiles[] = [];
  for (const { warnings, collect } of configurations.values()) {
    reading.warn(warnings);
    const found = collectFiles(collect);
    collected.push(found);
    reading.warn(found.warnings);
    if (found.dangling.length > 0)
      dangling.push(problem.danglingAppends(found.dangling, collect.multiconfig));
  }
  const files = collected.flatMap((found) => found.recipes);
  const request = { files, configurations, known: cache?.recipes, store, errors: dangling };
  const read = await readRecipes(request, reading);

  const hasParsed = read.cached < files.length || cache?.recipes.size !== read.recipes.size;
  if ((reading.options.useCache ?? true) && (!isKept || hasParsed || store.hasNewStamps)) {
    const lasting = new Map([...read.recipes].filter(([key]) => !read.uncacheable.has(key)));
    const warning = await store.write({ configurations, recipes: lasting });
    if (warning) reading.warn([warning]);
  }
  if (read.errors.length > 0) throw new BuildError([...read.errors]);
  const { recipes: parsed, cached } = read;
  return assembleProject({ configurations, collected, files, parsed, cached }, reading);
}

/** `-b`: nothing is said of other files, and the cache is left as it is. */
async function parseOne(wanted: WantedFile, parse: Parse): Promise<ParsedProject> {
  const { reading, store, cache, configurations } = parse;
  const configuration = configurations.get(wantedMulticonfig(wanted));
  if (!configuration) throw new BuildError([problem.noSuchRecipeFile(wanted.text, [])]);
  const file = findRecipeFile(wanted, configuration.collect);
  const files = [file];
  const request = { files, configurations, known: cache?.recipes, store, errors: [] };
  const read = await readRecipes(request, reading);
  if (read.errors.length > 0) throw new BuildError([...read.errors]);
  const { recipes: parsed, cached } = read;
  const project = assembleProject({ configurations, collected: [], files, parsed, cached }, reading);
  const id = wantedRecipe(wanted, file);
  const recipe = project.recipes.get(id);
  if (!recipe) throw new BuildError([problem.noSuchRecipeFile(wanted.text, [...project.recipes.keys()])]);
  if (recipe.skipped !== undefined) throw new BuildError([problem.skippedRecipe(recipe)]);
  return { ...project, wanted: id };
}
