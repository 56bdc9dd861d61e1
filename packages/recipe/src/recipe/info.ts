/** What the task graph needs of a recipe; plain data, kept in the parse cache. */

declare const brand: unique symbol;
/** Identity of one variant: `/path/x_1.0.bb`, `virtual:native:/path/x_1.0.bb`, with `mc:NAME:` in front for a multiconfig. */
export type RecipeId = string & { readonly [brand]: "RecipeId" };

/** A place that survives serialisation. */
export interface FilePlace {
  readonly file: string;
  readonly line: number;
}

export interface TaskInfo {
  /** With `do_`. */
  readonly name: string;
  /** Tasks of the same recipe it comes after (addtask). */
  readonly after: readonly string[];
  /** Expanded flags, split on blanks; absent when empty. docs/language.md 14 and 15. */
  readonly depends?: readonly string[];
  readonly rdepends?: readonly string[];
  readonly mcdepends?: readonly string[];
  readonly deptask?: readonly string[];
  readonly rdeptask?: readonly string[];
  readonly recrdeptask?: readonly string[];
  readonly recideptask?: readonly string[];
  readonly noexec?: true;
  readonly nostamp?: true;
  /** Its body talks to a person: it gets the terminal ([interactive]). */
  readonly interactive?: true;
  /** It installs packages, in a cage: asked for before anything runs ([cage]). */
  readonly cage?: true;
  /** It signs, with this pair of files: looked at before anything runs ([signing-key], [signing-certificate]). */
  readonly signing?: { readonly key: string; readonly certificate: string };
  /** Files whose content is an input: `path:True|False` words of [file-checksums]. */
  readonly fileChecksums?: readonly string[];
  /** Archive packages whose solved closure (name, version, SHA-256) is an input: [feed-closure]. */
  readonly feedClosure?: readonly string[];
  /** Feeds that are no apt archive, folders and addresses, whose index is an input: [feed-indexes]. */
  readonly feedIndexes?: readonly string[];
  /** Of these feeds' packages: `ipk`, `rpm` ([feed-format]). */
  readonly feedFormat?: string;
  /** Files of public keys: an index must be signed by one ([feed-keys]). */
  readonly feedKeys?: readonly string[];
  /** Conditions on other recipes, `recipe:VARIABLE=value`: [requires]. */
  readonly requires?: readonly string[];
  /** The artifact: folders that shared state saves and restores, from [sstate-inputdirs], [sstate-outputdirs], [sstate-plaindirs]. */
  readonly artifact?: {
    readonly inputs: readonly string[];
    readonly outputs: readonly string[];
    readonly plain: readonly string[];
  };
  /** What the names of its stamps end in: [stamp-extra-info], and which shared folders its output goes to. */
  readonly stampExtra?: string;
  /** Where the function stands. */
  readonly at?: FilePlace;
  /** Signature of the task's own text and all it reaches (docs/language.md 20.2), made by the room `graph`. */
  readonly baseHash: string;
}

export interface RecipeInfo {
  readonly id: RecipeId;
  readonly file: string;
  readonly layer: string;
  readonly layerPriority: number;
  readonly defaultPreference: number;
  readonly pn: string;
  readonly pe: string;
  readonly pv: string;
  readonly pr: string;
  readonly provides: readonly string[];
  readonly depends: readonly string[];
  readonly packages: readonly string[];
  readonly packagesDynamic: readonly string[];
  /** Of the recipe as a whole (unsuffixed), and by package. Names only, versions stripped. */
  readonly rdepends: Readonly<Record<string, readonly string[]>>;
  readonly rrecommends: Readonly<Record<string, readonly string[]>>;
  readonly rprovides: Readonly<Record<string, readonly string[]>>;
  /** Reason, when metadata raised SkipRecipe. */
  readonly skipped?: string;
  readonly excludeFromWorld: boolean;
  readonly stamp: string;
  /** WORKDIR; absent when empty. */
  readonly workFolder?: string;
  readonly tasks: Readonly<Record<string, TaskInfo>>;
  /** FEED_SOURCES, where a task has [feed-closure]; absent: the apt sources of the host. */
  readonly feedSources?: string;
  /** Values of the variables named in BB_RECIPE_FACTS, for [requires] of others and for error messages. */
  readonly facts: Readonly<Record<string, { readonly value: string; readonly at?: FilePlace }>>;
  /** Object name fields of its artifacts, e.g. `sstate:PN:ARCH…:14:` (SSTATE_PKGSPEC). */
  readonly sstateSpec: string;
  /** BB_HASHFILENAME: what BB_HASHCHECK_FUNCTION is told of the recipe. */
  readonly hashFileName?: string;
  /** Configuration values that steer the graph and the run are in `Configuration.d`, not here. */
}
