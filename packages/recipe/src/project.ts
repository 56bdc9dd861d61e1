/** Reads a whole project: configuration and recipes, from the cache where nothing they looked at has changed. */
import { join } from "node:path";
import { setImmediate } from "node:timers/promises";
import { BuildError, openHasher, sortedUnique, words, type Diagnostic, type Hasher } from "@tsbake/base";
import { fireEvent, handledEvents, type Datastore } from "@tsbake/datastore";
import {
  areChecksumFilesSame,
  CacheStore,
  recipeKey,
  type CachedConfiguration,
  type CachedRecipe,
  type ParseCache,
} from "./cache/cache.js";
import { collectFiles, type CollectedFiles, type CollectRequest, type RecipeFile } from "./files/collect.js";
import { digestConfiguration, libraryFiles, type Configuration } from "./configuration/configuration.js";
import { Configurations, multiconfigNames } from "./configuration/configurations.js";
import { FLEETING, passedEnvironment } from "./configuration/environment.js";
import { Evaluation } from "./configuration/evaluation.js";
import { FileTable } from "./files/files.js";
import { flagText } from "./recipe/flag.js";
import type { RecipeId, RecipeInfo } from "./recipe/info.js";
import { multiconfigOf } from "./configuration/multiconfig.js";
import { findRecipeFile, wantedMulticonfig, wantedRecipe, type WantedFile } from "./files/one-file.js";
import { OpenRecipes } from "./recipe/open-recipes.js";
import { isPreference, preferenceNames } from "./providers/preference-names.js";
import * as problem from "./problems.js";
import { DEFAULTS } from "./project-types.js";
import type { Layer, ParsedProject, CompleteOptions, ParseOptions } from "./project-types.js";
import { needsPython, PythonSession } from "./configuration/python-session.js";
import { parseRecipe, type RecipeContext } from "./recipe/recipe.js";

/** How long the parser works before it lets timers and signals have their turn. */
const SLICE_MS = 50;
/** Variables that the providers read whatever the metadata says. */
const ALWAYS_CACHED = ["ASSUME_PROVIDED", "BBMULTICONFIG", "BB_CACHED_CONFIG", "PREFERRED_PROVIDERS"];

type ByName<Value> = ReadonlyMap<string, Value>;

/**
 * Reads layers, configuration and recipes, from the parse cache where every file that was looked at is unchanged
 * (stat first, content when the stat differs).
 *
 * @throws BuildError with every file's errors when any file is wrong
 */
export async function parseProject(options: ParseOptions): Promise<ParsedProject> {
  const hasher = await openHasher();
  const parser = new ProjectParser({ ...DEFAULTS, ...options }, hasher);
  return parser.parse();
}

interface Parsed {
  readonly configurations: ByName<CachedConfiguration>;
  readonly collected: readonly CollectedFiles[];
  readonly files: readonly RecipeFile[];
  /** By `recipeKey`. */
  readonly parsed: ByName<CachedRecipe>;
  readonly cached: number;
}

class ProjectParser {
  readonly #options: CompleteOptions;
  readonly #hasher: Hasher;
  readonly #table: FileTable;
  readonly #python: PythonSession;
  readonly #store: CacheStore;
  readonly #diagnostics: Diagnostic[] = [];
  readonly #told = new Set<string>();
  readonly #configurations: Configurations;
  #opened: OpenRecipes | undefined;
  #opening: Promise<void> | undefined;

  constructor(options: CompleteOptions, hasher: Hasher) {
    this.#options = options;
    this.#hasher = hasher;
    this.#table = new FileTable(hasher);
    this.#python = new PythonSession(options.python);
    this.#configurations = new Configurations(options, this.#table, this.#python);
    options.watchFiles?.((path) => this.#python.onFile(path));
    const { signer, coreLayers, preFiles, postFiles, initial, cacheKey, cachedConfig } = options;
    const settings = [signer.name, coreLayers, preFiles, postFiles, initial, cacheKey, cachedConfig];
    this.#store = new CacheStore(join(options.topdir, "cache"), settings, this.#table, hasher);
  }

  async parse(): Promise<ParsedProject> {
    const useCache = this.#options.useCache ?? true;
    const cache = useCache ? this.#store.read() : undefined;
    const kept =
      cache && this.#areConfigurationsValid(cache.configurations) ? cache.configurations : undefined;
    const configurations = kept ?? (await this.#readConfigurations());
    const errors: Diagnostic[] = [];
    const collected: CollectedFiles[] = [];
    const { recipeFile } = this.#options;
    if (recipeFile) return this.#parseOne(recipeFile, configurations, cache);
    for (const configuration of configurations.values()) {
      for (const warning of configuration.warnings) this.#warn(warning);
      const found = collectFiles(configuration.collect);
      collected.push(found);
      for (const warning of found.warnings) this.#warn(warning);
      if (found.dangling.length > 0)
        errors.push(problem.danglingAppends(found.dangling, configuration.collect.multiconfig));
    }
    const files = collected.flatMap((found) => found.recipes);
    const { recipes, cached, uncacheable } = await this.#readRecipes(files, configurations, cache, errors);

    const parsedSome = cached < files.length || cache?.recipes.size !== recipes.size;
    if (useCache && (!kept || parsedSome || this.#store.hasNewStamps)) {
      const lasting = new Map([...recipes].filter(([key]) => !uncacheable.has(key)));
      const warning = await this.#store.write({ configurations, recipes: lasting });
      if (warning) this.#warn(warning);
    }
    if (errors.length > 0) throw new BuildError(errors);
    return this.#project({ configurations, collected, files, parsed: recipes, cached });
  }

  /** `-b`: nothing is told of other files, and the cache is left as it is. */
  async #parseOne(
    wanted: WantedFile,
    configurations: ByName<CachedConfiguration>,
    cache: ParseCache | undefined,
  ): Promise<ParsedProject> {
    const errors: Diagnostic[] = [];
    const configuration = configurations.get(wantedMulticonfig(wanted));
    if (!configuration) throw new BuildError([problem.noSuchRecipeFile(wanted.text, [])]);
    const file = findRecipeFile(wanted, configuration.collect);
    const { recipes, cached } = await this.#readRecipes([file], configurations, cache, errors);
    if (errors.length > 0) throw new BuildError(errors);
    const project = this.#project({ configurations, collected: [], files: [file], parsed: recipes, cached });
    const id = wantedRecipe(wanted, file);
    const recipe = project.recipes.get(id);
    if (!recipe) throw new BuildError([problem.noSuchRecipeFile(wanted.text, [...project.recipes.keys()])]);
    if (recipe.skipped !== undefined) throw new BuildError([problem.skippedRecipe(recipe)]);
    return { ...project, wanted: id };
  }

  /** Configurations share most of their files: what is the same in several is told once. */
  #warn(diagnostic: Diagnostic): void {
    const { code, message, at } = diagnostic;
    const key = [code, message, at?.source.path, at?.start].join("\n");
    if (this.#told.has(key)) return;
    this.#told.add(key);
    this.#diagnostics.push(diagnostic);
    this.#options.onWarning(diagnostic);
  }

  /** All or none: a handler of MultiConfigParsed may have taken something from one into another. */
  #areConfigurationsValid(cached: ByName<CachedConfiguration>): boolean {
    const first = cached.get("");
    if (!first || ![...cached.values()].every((one) => this.#isConfigurationValid(one))) return false;
    const names = multiconfigNames(first.values["BBMULTICONFIG"]);
    return names.length === cached.size - 1 && names.every((name) => cached.has(name));
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

  /** Runs `action`, and once more with Python open if it asked for that. Others may be waiting for the same. */
  async #withPython<T>(action: () => T): Promise<T> {
    try {
      return action();
    } catch (error) {
      if (!needsPython(error) || !this.#options.openPython) throw error;
      await this.#openPython();
      return action();
    }
  }

  /** One opening, awaited by all who ask; one that has failed is tried again by the next. */
  #openPython(): Promise<void> {
    this.#opening ??= (this.#options.openPython?.() ?? Promise.resolve()).catch((error: unknown) => {
      this.#opening = undefined;
      throw error;
    });
    return this.#opening;
  }

  /** A configuration's datastore; parsed at most once. */
  #parsedConfiguration(multiconfig: string): Configuration {
    if (!this.#configurations.has(multiconfig)) this.#opened?.deactivate();
    return this.#configurations.get(multiconfig);
  }

  async #readConfigurations(): Promise<Map<string, CachedConfiguration>> {
    const all = await this.#withPython(() => this.#configurations.all());
    const { checkConfiguration } = this.#options;
    if (checkConfiguration) {
      const problems = await this.#withPython(() =>
        [...all.values()].flatMap(({ d }) => checkConfiguration(d)),
      );
      const known = new Set<string>();
      // Configurations have most in common.
      const distinct = problems.filter(({ message }) => !known.has(message) && known.add(message));
      if (distinct.length > 0) throw new BuildError(distinct);
    }
    const cached = new Map<string, CachedConfiguration>();
    for (const [multiconfig, configuration] of all) {
      cached.set(multiconfig, await this.#describe(multiconfig, configuration));
    }
    return cached;
  }

  #describe(multiconfig: string, configuration: Configuration): Promise<CachedConfiguration> {
    const { d, files, warnings, collections } = configuration;
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
      const taskThreads: Record<string, string> = {};
      for (const name of sortedUnique(d.keys())) {
        const flag = name.startsWith("do_") ? flagText(d, name, "number_threads") : "";
        if (flag !== "") taskThreads[name] = flag;
      }
      const collect: CollectRequest = {
        multiconfig,
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
      const events = handledEvents(d);
      return { files, digest, environment, ignored, collect, values, events, absent, taskThreads, warnings };
    });
  }

  async #readRecipes(
    files: readonly RecipeFile[],
    configurations: ByName<CachedConfiguration>,
    cache: ParseCache | undefined,
    errors: Diagnostic[],
  ): Promise<{ recipes: Map<string, CachedRecipe>; cached: number; uncacheable: Set<string> }> {
    const recipes = new Map<string, CachedRecipe>();
    const uncacheable = new Set<string>();
    const seen = new Map<string, boolean>();
    const stale: RecipeFile[] = [];
    for (const file of files) {
      const key = recipeKey(file);
      const known = cache?.recipes.get(key);
      const { digest } = configurations.get(file.multiconfig)!;
      if (known && this.#isRecipeValid(known, file, digest, seen)) recipes.set(key, known);
      else stale.push(file);
    }
    const cached = recipes.size;
    for (const { warnings } of recipes.values()) for (const warning of warnings) this.#warn(warning);
    this.#options.onProgress(cached, files.length, cached);
    if (stale.length > 0)
      await this.#fire(
        "ParseStarted",
        { total: stale.length, msg: "Recipe parsing Started" },
        configurations,
      );
    let sliceEnd = performance.now() + SLICE_MS;
    for (const [index, file] of stale.entries()) {
      try {
        const parsed = await this.#withPython(() => parseRecipe(file, this.#context(file.multiconfig)));
        const { cacheable, ...rest } = parsed;
        const { digest } = configurations.get(file.multiconfig)!;
        recipes.set(recipeKey(file), { file, configuration: digest, ...rest });
        if (!cacheable) uncacheable.add(recipeKey(file));
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
    if (stale.length > 0) {
      this.#options.onProgress(files.length, files.length, cached);
      await this.#parseEnded(recipes, { files: files.length, cached, errors: errors.length }, configurations);
    }
    return { recipes, cached, uncacheable };
  }

  async #parseEnded(
    recipes: ByName<CachedRecipe>,
    { files, cached, errors }: { readonly files: number; readonly cached: number; readonly errors: number },
    configurations: ByName<CachedConfiguration>,
  ): Promise<void> {
    const infos = [...recipes.values()].flatMap((recipe) => recipe.infos);
    const counts = {
      cached,
      parsed: files - cached,
      sofar: files,
      skipped: infos.filter(({ skipped }) => skipped !== undefined).length,
      virtuals: infos.length,
      errors,
      total: files,
    };
    if (errors > 0) await this.#fire("ParseError", { _msg: "Parsing halted due to errors" }, configurations);
    else await this.#fire("ParseCompleted", { ...counts, msg: "Recipe parsing Completed" }, configurations);
  }

  /** To handlers of the default configuration. */
  async #fire(
    name: string,
    attributes: Readonly<Record<string, unknown>>,
    configurations: ByName<CachedConfiguration>,
  ): Promise<void> {
    const event = { eventClass: `bb.event.${name}`, attributes };
    if (!isListed(event.eventClass, configurations.get("")?.events)) return;
    await this.#openPython();
    const { d } = this.#parsedConfiguration("");
    this.#python.reset();
    fireEvent(event, d, new Evaluation(this.#table, this.#python));
  }

  #isRecipeValid(
    known: CachedRecipe,
    file: RecipeFile,
    configuration: string,
    seen: Map<string, boolean>,
  ): boolean {
    return (
      known.configuration === configuration &&
      known.file.layer === file.layer &&
      known.file.layerPriority === file.layerPriority &&
      known.file.appends.join("\n") === file.appends.join("\n") &&
      this.#store.isUnchanged(known.files) &&
      areChecksumFilesSame(known.infos, seen)
    );
  }

  #context(multiconfig: string): RecipeContext {
    return {
      configuration: this.#parsedConfiguration(multiconfig).d,
      table: this.#table,
      python: this.#python,
      signer: this.#options.signer,
    };
  }

  #project({ configurations, collected, files, parsed, cached }: Parsed): ParsedProject {
    const recipes = new Map<RecipeId, RecipeInfo>();
    for (const file of files) {
      for (const info of parsed.get(recipeKey(file))?.infos ?? []) recipes.set(info.id, info);
    }
    const byKey = new Map(files.map((file) => [recipeKey(file), file]));
    const opened = new OpenRecipes(recipes, byKey, this.#python, (multiconfig) => this.#context(multiconfig));
    this.#opened = opened;
    const absent = new Map([...configurations].map(([name, one]) => [name, new Set(one.absent)]));
    const datastore = (multiconfig = ""): Datastore => this.#parsedConfiguration(multiconfig).d;
    const host = new Evaluation(this.#table, this.#python);
    return {
      configuration: datastore,
      configurationText: (name, multiconfig = "") => {
        const value = configurations.get(multiconfig)?.values[name];
        if (value !== undefined || absent.get(multiconfig)?.has(name) || isPreference(name)) return value;
        return datastore(multiconfig).getText(name);
      },
      taskThreads: configurations.get("")!.taskThreads,
      multiconfigs: [...configurations.keys()],
      recipes,
      layers: configurations
        .get("")!
        .collect.collections.map(({ name, path, priority }): Layer => ({ name, path, priority })),
      statistics: {
        files: files.length,
        cached,
        skipped: [...recipes.values()].filter(({ skipped }) => skipped !== undefined).length,
        masked: collected.reduce((sum, { masked }) => sum + masked, 0),
      },
      appends: (path, multiconfig = "") => byKey.get(recipeKey({ path, multiconfig }))?.appends ?? [],
      openRecipe: (id) => opened.open(id),
      listens: (eventClass, multiconfig = "") =>
        isListed(eventClass, configurations.get(multiconfig)?.events),
      prepareEvents: async () => {
        await this.#openPython();
        for (const multiconfig of configurations.keys()) datastore(multiconfig);
      },
      fireEvent: (event, multiconfig, d = datastore(multiconfig)) => {
        opened.deactivate();
        this.#python.reset();
        fireEvent(event, d, host);
      },
      fireRecipeEvent: (event, recipe, d) => {
        opened.open(recipe);
        fireEvent(event, d, host);
      },
      prepare: async (ids = []) => {
        await this.#withPython(() => this.#parsedConfiguration(""));
        for (const id of ids) {
          await this.#withPython(() => this.#parsedConfiguration(multiconfigOf(id)));
          await this.#withPython(() => opened.open(id));
        }
      },
      diagnostics: this.#diagnostics,
    };
  }
}

/** Whether `events` has the class, or any that begins with what stands before its `*`. */
function isListed(eventClass: string, events: readonly string[] = []): boolean {
  if (events.includes("*") || events.includes(eventClass)) return true;
  return eventClass.endsWith("*") && events.some((one) => one.startsWith(eventClass.slice(0, -1)));
}
