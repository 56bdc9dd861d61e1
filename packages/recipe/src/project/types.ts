/** What a parse is asked for and what comes out of it. Shapes, and the defaults. */
import type { Diagnostic } from "@tsbake/base";
import type { Datastore, MetadataEvent, PythonHost } from "@tsbake/datastore";
import type { RecipeId, RecipeInfo } from "../recipe/info.js";
import type { WantedFile } from "../files/one-file.js";

/** Computes base hashes while a recipe's datastore is there. The room `graph` implements it, the engine hands it in. */
export interface BaseSigner {
  /** Part of the parse-cache key: another handler or version makes other hashes. */
  readonly name: string;
  sign(d: Datastore, tasks: readonly string[]): Map<string, string>;
}

export interface ParseOptions {
  /** Folder with conf/bblayers.conf; absolute. */
  readonly topdir: string;
  /** Layers put in front of BBLAYERS: the core layer. */
  readonly coreLayers?: readonly string[];
  /**
   * The same list as the configuration that was read wants it; where it is another one, everything is read again with that.
   *
   * @param value of a variable of `cachedConfig`, in the default configuration
   */
  readonly coreLayersOf?: (value: (name: string) => string | undefined) => Promise<readonly string[]>;
  /** The caller's environment; BB_ENV_PASSTHROUGH decides what of it gets in. */
  readonly environment: Readonly<Record<string, string>>;
  readonly preFiles?: readonly string[];
  readonly postFiles?: readonly string[];
  /** Variables set before anything is parsed (TSBAKE_* of the engine). */
  readonly initial?: Readonly<Record<string, string>>;
  readonly trackHistory?: boolean;
  /** May be one that throws an error with code `python/needed` as long as `openPython` was not awaited. */
  readonly python: () => PythonHost;
  /** Starts Python, after which `python` answers everything. Called at most once a parse. */
  readonly openPython?: () => Promise<void>;
  /** Called once with a listener, to be told of files that Python code says it depends on (bb.parse.mark_dependency). */
  readonly watchFiles?: (listener: (path: string) => void) => void;
  readonly signer: BaseSigner;
  /** Configuration variables that `configurationText` has to answer without a parse, beside those of BB_CACHED_CONFIG. */
  readonly cachedConfig?: readonly string[];
  /** Anything else that the parse depends on: a digest of the program itself. Part of the cache key. */
  readonly cacheKey?: string;
  /** False: neither read nor write the parse cache. Default true. */
  readonly useCache?: boolean;
  /** `-b`: this file is read and no other. */
  readonly recipeFile?: WantedFile;
  readonly onProgress?: (done: number, total: number, cached: number) => void;
  readonly onWarning?: (diagnostic: Diagnostic) => void;
  /** What is wrong with a configuration that was read, before any recipe is; not asked of one that the cache has. */
  readonly checkConfiguration?: (d: Datastore) => readonly Diagnostic[];
}

/** With the defaults in. */
export type CompleteOptions = ParseOptions & Required<Pick<ParseOptions, keyof typeof DEFAULTS>>;

export const DEFAULTS = {
  coreLayers: [],
  preFiles: [],
  postFiles: [],
  initial: {},
  onProgress: () => {},
  onWarning: () => {},
} satisfies Partial<ParseOptions>;

export interface Layer {
  /** Its name in BBFILE_COLLECTIONS. */
  readonly name: string;
  readonly path: string;
  readonly priority: number;
}

/**
 * Everything parsed: the configurations and all recipes. A configuration is named as in BBMULTICONFIG; the default one has
 * the empty name, and is meant where no name is given.
 */
export interface ParsedProject {
  /**
   * Global datastore. A cached parse makes it on first use.
   *
   * @throws an error with code `python/needed` when that takes Python and Python is not open: await `prepare` first
   */
  configuration(multiconfig?: string): Datastore;
  /** A configuration variable; those of BB_CACHED_CONFIG are there without making the datastore. */
  configurationText(name: string, multiconfig?: string): string | undefined;
  /** `do_fetch[number_threads]` of the default configuration, by task: the texts. */
  readonly taskThreads: Readonly<Record<string, string>>;
  /** Names of all configurations, the empty one first. */
  readonly multiconfigs: readonly string[];
  readonly recipes: ReadonlyMap<RecipeId, RecipeInfo>;
  /** The recipe that `recipeFile` asked for. */
  readonly wanted?: RecipeId;
  /** Of the default configuration. */
  readonly layers: readonly Layer[];
  readonly statistics: {
    /** Recipe files, once for each configuration that reads them. */
    readonly files: number;
    readonly cached: number;
    readonly skipped: number;
    readonly masked: number;
  };
  /** The appends of a recipe file, in the order they apply. */
  appends(file: string, multiconfig?: string): readonly string[];
  /**
   * The recipe's own datastore, parsed again on demand (and kept a while). Until the next call, Python functions are
   * those of this recipe.
   *
   * @throws as `configuration`
   */
  openRecipe(id: RecipeId): Datastore;
  /**
   * Whether a handler of the configuration listens to events of this class; `bb.runqueue.*` stands for any that begins so.
   * Answered without making the datastore.
   */
  listens(eventClass: string, multiconfig?: string): boolean;
  /** Opens Python and makes the configurations: awaited before `fireEvent` and `fireRecipeEvent`. */
  prepareEvents(): Promise<void>;
  /** Calls handlers with a configuration's `d` (or a copy of it) and its Python functions. @throws BuildError of a handler */
  fireEvent(event: MetadataEvent, multiconfig: string, d?: Datastore): void;
  /** Calls handlers with a recipe's datastore and Python functions. @throws BuildError of a handler */
  fireRecipeEvent(event: MetadataEvent, recipe: RecipeId, d: Datastore): void;
  /** Makes what `configuration` and `openRecipe` of these need, opening Python if they do. */
  prepare(ids?: Iterable<RecipeId>): Promise<void>;
  readonly diagnostics: readonly Diagnostic[];
}
