export type { FilePlace, RecipeId, RecipeInfo, TaskInfo } from "./info.js";
import type { Diagnostic } from "@tsbake/base";
import type { Datastore, PythonHost } from "@tsbake/datastore";
import type { RecipeId, RecipeInfo } from "./info.js";

/** Computes base hashes while a recipe's datastore is there. The room `graph` implements it, the engine hands it in. */
export interface BaseSigner {
  /** Part of the parse-cache key: another handler or version makes other hashes. */
  readonly name: string;
  sign(d: Datastore, tasks: readonly string[]): Map<string, string>;
}

export interface ParseOptions {
  /** Folder with conf/bblayers.conf. */
  readonly topdir: string;
  /** Layers put in front of BBLAYERS: the core layer. */
  readonly coreLayers: readonly string[];
  /** The caller's environment; BB_ENV_PASSTHROUGH decides what of it gets in. */
  readonly environment: Readonly<Record<string, string>>;
  readonly preFiles: readonly string[];
  readonly postFiles: readonly string[];
  /** Variables set before anything is parsed (TSBAKE_* of the engine). */
  readonly initial: Readonly<Record<string, string>>;
  readonly trackHistory?: boolean;
  readonly python: () => PythonHost;
  readonly signer: BaseSigner;
  readonly onProgress: (done: number, total: number, cached: number) => void;
  readonly onWarning: (diagnostic: Diagnostic) => void;
}

/** Everything parsed: the configuration and all recipes. */
export interface ParsedProject {
  /** Global datastore. A cached parse makes it on first use. */
  configuration(): Datastore;
  /** A configuration variable; those of BB_CACHED_CONFIG are there without making the datastore. */
  configurationText(name: string): string | undefined;
  readonly recipes: ReadonlyMap<RecipeId, RecipeInfo>;
  readonly layers: readonly { readonly name: string; readonly path: string; readonly priority: number }[];
  readonly statistics: {
    readonly files: number;
    readonly cached: number;
    readonly skipped: number;
    readonly masked: number;
  };
  /** The recipe's own datastore, parsed again on demand (and kept a while). */
  openRecipe(id: RecipeId): Datastore;
  readonly diagnostics: readonly Diagnostic[];
}

/**
 * Reads layers, configuration and recipes, from the parse cache where every file that was looked at is unchanged
 * (stat first, content when the stat differs).
 *
 * @throws BuildError with every file's errors when any file is wrong
 */
export declare function parseProject(options: ParseOptions): Promise<ParsedProject>;

/** Which recipe stands for a name: PREFERRED_PROVIDER, PREFERRED_VERSION, layer priority, version. Section 1.8. */
export interface Providers {
  /** @throws BuildError `recipe/nothing-provides` with near names and who asked */
  build(name: string, askedBy?: RecipeId): RecipeId;
  runtime(name: string, askedBy?: RecipeId): RecipeId;
  /** Same, undefined instead of an error. */
  findBuild(name: string): RecipeId | undefined;
  findRuntime(name: string): RecipeId | undefined;
  isAssumedProvided(name: string): boolean;
  /** Rows of `tsbake -s`. */
  versions(): { pn: string; latest: string; preferred: string; required: string }[];
  world(): RecipeId[];
}
export declare function openProviders(project: ParsedProject): Providers;
/** Debian-like version order as bb.utils.vercmp: (epoch, version, revision). */
export declare function compareVersions(
  left: readonly [string, string, string],
  right: readonly [string, string, string],
): number;
