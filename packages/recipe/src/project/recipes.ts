/** Reads recipe files: from the parse cache where nothing that they looked at has changed, else by parsing them. */
import { setImmediate } from "node:timers/promises";
import { BuildError, type Diagnostic } from "@tsbake/base";
import {
  areChecksumFilesSame,
  recipeKey,
  type CachedConfiguration,
  type CachedRecipe,
  type CacheStore,
} from "../cache/cache.js";
import type { RecipeFile } from "../files/collect.js";
import { onePerPlace } from "../recipe/choices.js";
import { parseRecipe } from "../recipe/recipe.js";
import { isListed } from "./listed.js";
import type { Reading } from "./reading.js";

/** How long the parser works before it lets timers and signals have their turn. */
const SLICE_MS = 50;

export interface RecipesRequest {
  readonly files: readonly RecipeFile[];
  /** By name in BBMULTICONFIG. */
  readonly configurations: ReadonlyMap<string, CachedConfiguration>;
  /** What the last run left, by `recipeKey`. */
  readonly known: ReadonlyMap<string, CachedRecipe> | undefined;
  readonly store: CacheStore;
  /** Of what came before: handlers hear of one end of parsing only, and it is a bad one. */
  readonly errors: readonly Diagnostic[];
}

export interface ReadRecipes {
  /** By `recipeKey`; a file with errors is not there. */
  readonly recipes: ReadonlyMap<string, CachedRecipe>;
  /** How many of them came from the cache. */
  readonly cached: number;
  /** Keys of those that metadata wants parsed each time (BB_DONT_CACHE). */
  readonly uncacheable: ReadonlySet<string>;
  /** Those of the request and those of recipes. */
  readonly errors: readonly Diagnostic[];
}

/** @throws what a handler of the parse events throws; errors of recipes are in the result */
export async function readRecipes(request: RecipesRequest, reading: Reading): Promise<ReadRecipes> {
  const { files, configurations } = request;
  const { recipes, stale } = takeCached(request);
  const cached = recipes.size;
  const { onProgress } = reading.options;
  for (const { warnings } of recipes.values()) reading.warn(warnings);
  onProgress(cached, files.length, cached);
  const uncacheable = new Set<string>();
  const errors = [...request.errors];
  if (stale.length === 0) return { recipes, cached, uncacheable, errors };

  const started = { total: stale.length, msg: "Recipe parsing Started" };
  await fireParseEvent("ParseStarted", started, configurations, reading);
  let sliceEnd = performance.now() + SLICE_MS;
  for (const [index, file] of stale.entries()) {
    const key = recipeKey(file);
    try {
      const { cacheable, ...parsed } = await reading.withPython(() =>
        parseRecipe(file, reading.context(file.multiconfig)),
      );
      recipes.set(key, { file, configuration: configurations.get(file.multiconfig)!.digest, ...parsed });
      if (!cacheable) uncacheable.add(key);
      reading.warn(parsed.warnings);
    } catch (error) {
      if (!(error instanceof BuildError)) throw error;
      errors.push(...error.diagnostics);
    }
    if (performance.now() < sliceEnd) continue;
    onProgress(cached + index + 1, files.length, cached);
    await setImmediate();
    sliceEnd = performance.now() + SLICE_MS;
  }
  onProgress(files.length, files.length, cached);
  if (errors.length > 0)
    await fireParseEvent("ParseError", { _msg: "Parsing halted due to errors" }, configurations, reading);
  else await fireParseEvent("ParseCompleted", counts(recipes, files.length, cached), configurations, reading);
  return { recipes, cached, uncacheable, errors: onePerPlace(errors) };
}

function takeCached({ files, configurations, known, store }: RecipesRequest): {
  recipes: Map<string, CachedRecipe>;
  stale: RecipeFile[];
} {
  const recipes = new Map<string, CachedRecipe>();
  const stale: RecipeFile[] = [];
  /** Whether a file of [file-checksums] is there; each is looked for once. */
  const seen = new Map<string, boolean>();
  for (const file of files) {
    const cached = known?.get(recipeKey(file));
    const isValid =
      cached !== undefined &&
      cached.configuration === configurations.get(file.multiconfig)!.digest &&
      isSameFile(cached.file, file) &&
      store.isUnchanged(cached.files) &&
      areChecksumFilesSame(cached.infos, seen);
    if (isValid) recipes.set(recipeKey(file), cached);
    else stale.push(file);
  }
  return { recipes, stale };
}

function isSameFile(left: RecipeFile, right: RecipeFile): boolean {
  return (
    left.layer === right.layer &&
    left.layerPriority === right.layerPriority &&
    left.appends.join("\n") === right.appends.join("\n")
  );
}

/** The attributes of bb.event.ParseCompleted. */
function counts(
  recipes: ReadonlyMap<string, CachedRecipe>,
  files: number,
  cached: number,
): Readonly<Record<string, unknown>> {
  const infos = [...recipes.values()].flatMap((recipe) => recipe.infos);
  return {
    cached,
    parsed: files - cached,
    sofar: files,
    skipped: infos.filter(({ skipped }) => skipped !== undefined).length,
    virtuals: infos.length,
    errors: 0,
    total: files,
    msg: "Recipe parsing Completed",
  };
}

/** To handlers of the default configuration. */
async function fireParseEvent(
  name: string,
  attributes: Readonly<Record<string, unknown>>,
  configurations: ReadonlyMap<string, CachedConfiguration>,
  reading: Reading,
): Promise<void> {
  const event = { eventClass: `bb.event.${name}`, attributes };
  if (!isListed(event.eventClass, configurations.get("")?.events)) return;
  await reading.openPython();
  const d = reading.configuration("");
  reading.python.reset();
  reading.fire(event, d);
}
