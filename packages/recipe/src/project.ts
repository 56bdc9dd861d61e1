/** Reads a whole project: configuration and recipes, from the cache where nothing they looked at has changed. */
import { join } from "node:path";
import { setImmediate } from "node:timers/promises";
import { BuildError, openHasher, sortedUnique, words, type Diagnostic, type Hasher } from "@tsbake/base";
import type { Datastore } from "@tsbake/datastore";
import {
  areChecksumFilesSame,
  CacheStore,
  type CachedConfiguration,
  type CachedRecipe,
  type ParseCache,
} from "./cache.js";
import { collectFiles, type CollectedFiles, type CollectRequest, type RecipeFile } from "./collect.js";
import {
  digestConfiguration,
  libraryFiles,
  parseConfiguration,
  type Configuration,
} from "./configuration.js";
import { FLEETING, passedEnvironment } from "./environment.js";
import { FileTable } from "./files.js";
import type { RecipeId, RecipeInfo } from "./info.js";
import { OpenRecipes } from "./open-recipes.js";
import { isPreference, preferenceNames } from "./preference-names.js";
import * as problem from "./problems.js";
import type { Layer, ParsedProject, ParseOptions } from "./project-types.js";
import { needsPython, PythonSession } from "./python-session.js";
import { parseRecipe, type RecipeContext } from "./recipe.js";

/** How long the parser works before it lets timers and signals have their turn. */
const SLICE_MS = 50;
/** Variables that the providers read whatever the metadata says. */
const ALWAYS_CACHED = ["ASSUME_PROVIDED", "BB_CACHED_CONFIG", "PREFERRED_PROVIDERS"];

/**
 * Reads layers, configuration and recipes, from the parse cache where every file that was looked at is unchanged
 * (stat first, content when the stat differs).
 *
 * @throws BuildError with every file's errors when any file is wrong
 */
export async function parseProject(options: ParseOptions): Promise<ParsedProject> {
  const hasher = await openHasher();
  const parser = new ProjectParser(options, hasher);
  return parser.parse();
}

class ProjectParser {
  readonly #options: ParseOptions;
  readonly #hasher: Hasher;
  readonly #table: FileTable;
  readonly #python: PythonSession;
  readonly #store: CacheStore;
  readonly #diagnostics: Diagnostic[] = [];
  #configuration: Configuration | undefined;
  #opening: Promise<void> | undefined;

  constructor(options: ParseOptions, hasher: Hasher) {
    this.#options = options;
    this.#hasher = hasher;
    this.#table = new FileTable(hasher);
    this.#python = new PythonSession(options.python);
    options.watchFiles?.((path) => this.#python.onFile(path));
    const { signer, coreLayers, preFiles, postFiles, initial, cacheKey, cachedConfig } = options;
    const settings = [signer.name, coreLayers, preFiles, postFiles, initial, cacheKey, cachedConfig];
    this.#store = new CacheStore(join(options.topdir, "cache"), settings, this.#table, hasher);
  }

  async parse(): Promise<ParsedProject> {
    const useCache = this.#options.useCache ?? true;
    const cache = useCache ? this.#store.read() : undefined;
    const kept = cache && this.#isConfigurationValid(cache.configuration) ? cache.configuration : undefined;
    const configuration = kept ?? (await this.#readConfiguration());
    for (const warning of configuration.warnings) this.#warn(warning);

    const collected = collectFiles(configuration.collect);
    for (const warning of collected.warnings) this.#warn(warning);
    const errors: Diagnostic[] =
      collected.dangling.length > 0 ? [problem.danglingAppends(collected.dangling)] : [];
    const { recipes, cached, uncacheable } = await this.#readRecipes(
      collected.recipes,
      configuration,
      cache,
      errors,
    );

    const parsedSome = cached < collected.recipes.length || cache?.recipes.size !== recipes.size;
    if (useCache && (!kept || parsedSome || this.#store.hasNewStamps)) {
      const lasting = new Map([...recipes].filter(([path]) => !uncacheable.has(path)));
      const warning = await this.#store.write({ configuration, recipes: lasting });
      if (warning) this.#warn(warning);
    }
    if (errors.length > 0) throw new BuildError(errors);
    return this.#project(configuration, collected, recipes, cached);
  }

  #warn(diagnostic: Diagnostic): void {
    this.#diagnostics.push(diagnostic);
    this.#options.onWarning(diagnostic);
  }

  #isConfigurationValid(cached: CachedConfiguration): boolean {
    const now = this.#environmentKey(cached.ignored);
    const before = cached.environment;
    const names = new Set([...Object.keys(now), ...Object.keys(before)]);
    return [...names].every((name) => now[name] === before[name]) && this.#store.isUnchanged(cached.files);
  }

  #environmentKey(ignored: readonly string[]): Record<string, string> {
    const passed = Object.entries(passedEnvironment(this.#options.environment));
    return Object.fromEntries(passed.filter(([name]) => !ignored.includes(name)));
  }

  /** Runs `action`, and once more with Python open if it asked for that. */
  async #withPython<T>(action: () => T): Promise<T> {
    try {
      return action();
    } catch (error) {
      const open = this.#options.openPython;
      if (!needsPython(error) || !open || this.#opening) throw error;
      await (this.#opening = open());
      return action();
    }
  }

  /** The configuration's datastore; parsed at most once. */
  #parsedConfiguration(): Configuration {
    this.#configuration ??= parseConfiguration(this.#options, this.#table, this.#python);
    return this.#configuration;
  }

  async #readConfiguration(): Promise<CachedConfiguration> {
    const { d, files, warnings, collections } = await this.#withPython(() => this.#parsedConfiguration());
    return this.#withPython(() => {
      const ignored = [...FLEETING, ...words(d.getText("BB_HASHCONFIG_IGNORE_VARS"))];
      const listed = words(d.getText("BB_CACHED_CONFIG"));
      const asked = [
        ...ALWAYS_CACHED,
        ...listed,
        ...(this.#options.cachedConfig ?? []),
        ...preferenceNames(d),
      ];
      const values: Record<string, string> = {};
      const absent: string[] = [];
      for (const name of sortedUnique(asked)) {
        const value = d.getText(name);
        if (value === undefined) absent.push(name);
        else values[name] = value;
      }
      const collect: CollectRequest = {
        topdir: this.#options.topdir,
        patterns: words(d.getText("BBFILES")),
        masks: words(d.getText("BBMASK")),
        collections,
      };
      const digest = digestConfiguration(
        d,
        { ignored, libraries: libraryFiles(this.#python) },
        this.#table,
        this.#hasher,
      );
      const environment = this.#environmentKey(ignored);
      return { files, digest, environment, ignored, collect, values, absent, warnings };
    });
  }

  async #readRecipes(
    files: readonly RecipeFile[],
    configuration: CachedConfiguration,
    cache: ParseCache | undefined,
    errors: Diagnostic[],
  ): Promise<{ recipes: Map<string, CachedRecipe>; cached: number; uncacheable: Set<string> }> {
    const recipes = new Map<string, CachedRecipe>();
    const uncacheable = new Set<string>();
    const seen = new Map<string, boolean>();
    const stale: RecipeFile[] = [];
    for (const file of files) {
      const known = cache?.recipes.get(file.path);
      if (known && this.#isRecipeValid(known, file, configuration, seen)) recipes.set(file.path, known);
      else stale.push(file);
    }
    const cached = recipes.size;
    for (const { warnings } of recipes.values()) for (const warning of warnings) this.#warn(warning);
    this.#options.onProgress(cached, files.length, cached);
    let sliceEnd = performance.now() + SLICE_MS;
    for (const [index, file] of stale.entries()) {
      try {
        const parsed = await this.#withPython(() => parseRecipe(file, this.#context()));
        const { cacheable, ...rest } = parsed;
        recipes.set(file.path, { file, configuration: configuration.digest, ...rest });
        if (!cacheable) uncacheable.add(file.path);
        for (const warning of parsed.warnings) this.#warn(warning);
      } catch (error) {
        if (!(error instanceof BuildError)) throw error;
        errors.push(...error.diagnostics);
      }
      if (performance.now() < sliceEnd) continue;
      this.#options.onProgress(cached + index + 1, files.length, cached);
      await setImmediate();
      sliceEnd = performance.now() + SLICE_MS;
    }
    if (stale.length > 0) this.#options.onProgress(files.length, files.length, cached);
    return { recipes, cached, uncacheable };
  }

  #isRecipeValid(
    known: CachedRecipe,
    file: RecipeFile,
    configuration: CachedConfiguration,
    seen: Map<string, boolean>,
  ): boolean {
    return (
      known.configuration === configuration.digest &&
      known.file.layer === file.layer &&
      known.file.layerPriority === file.layerPriority &&
      known.file.appends.join("\n") === file.appends.join("\n") &&
      this.#store.isUnchanged(known.files) &&
      areChecksumFilesSame(known.infos, seen)
    );
  }

  #context(): RecipeContext {
    return {
      configuration: this.#parsedConfiguration().d,
      table: this.#table,
      python: this.#python,
      signer: this.#options.signer,
    };
  }

  #project(
    configuration: CachedConfiguration,
    collected: CollectedFiles,
    parsed: ReadonlyMap<string, CachedRecipe>,
    cached: number,
  ): ParsedProject {
    const recipes = new Map<RecipeId, RecipeInfo>();
    for (const { path } of collected.recipes) {
      for (const info of parsed.get(path)?.infos ?? []) recipes.set(info.id, info);
    }
    const files = new Map(collected.recipes.map((file) => [file.path, file]));
    const opened = new OpenRecipes(recipes, files, this.#python, () => this.#context());
    const absent = new Set(configuration.absent);
    const datastore = (): Datastore => this.#parsedConfiguration().d;
    return {
      configuration: datastore,
      configurationText: (name) => {
        const value = configuration.values[name];
        if (value !== undefined || absent.has(name) || isPreference(name)) return value;
        return datastore().getText(name);
      },
      recipes,
      layers: configuration.collect.collections.map(({ name, path, priority }): Layer => ({
        name,
        path,
        priority,
      })),
      statistics: {
        files: collected.recipes.length,
        cached,
        skipped: [...recipes.values()].filter(({ skipped }) => skipped !== undefined).length,
        masked: collected.masked,
      },
      appends: (file) => files.get(file)?.appends ?? [],
      openRecipe: (id) => opened.open(id),
      prepare: async (ids = []) => {
        await this.#withPython(() => this.#parsedConfiguration());
        for (const id of ids) await this.#withPython(() => opened.open(id));
      },
      diagnostics: this.#diagnostics,
    };
  }
}
