/** What is asked of an open build, and what it answers. Shapes only. */
import type { Diagnostic } from "@tsbake/base";
import type { ParsedProject, Providers } from "@tsbake/recipe";
import type { RunSummary, SetsceneMode, VerifiedOutputs } from "@tsbake/run";
import type { RecordDiff } from "./records/diff-records.js";
import type { EngineEvent } from "./events.js";
import type { RecordFile, SignatureRecords } from "./records/records.js";
import type { WhatChanged } from "./records/what-changed.js";
import type { ExtensionRecipe } from "./state/extensions.js";
import type { DeployedImage, ImageBase, ImageFiles } from "./state/images.js";
import type { SharedState } from "./state/shared-state.js";

export interface OpenOptions {
  /** Folder the command was started in; build folder and project are found from it. */
  readonly directory: string;
  readonly environment: Readonly<Record<string, string>>;
  /** Project files that are named instead of found, merged in this order: `a.yml:b.yml`. Default: the one that is found. */
  readonly projectFiles?: readonly string[];
  /** -r and -R. */
  readonly preFiles: readonly string[];
  readonly postFiles: readonly string[];
  /** `-b`: a recipe file, or a regular expression that one matches. */
  readonly recipeFile?: string;
  /** Folders of layers that count beside those of the project. */
  readonly layers?: readonly string[];
  /** `-I`: more words for ASSUME_PROVIDED. */
  readonly assumeProvided?: readonly string[];
  /** The whole command, for those who wait for the build folder. */
  readonly command: string;
  /** Keep the history of every variable (`-e`). */
  readonly trackHistory: boolean;
  readonly onEvent: (event: EngineEvent) => void;
}

export interface BuildRequest {
  /** As typed: `recipe`, `recipe:do_task`, `world`. Empty: the project file's targets. */
  readonly targets: readonly string[];
  /** `-c`, with or without `do_`. */
  readonly task?: string;
  /** `-f`: the target tasks run again. */
  readonly force: boolean;
  /** `-C`: these tasks of the targets run again, then the default task. */
  readonly invalidate: readonly string[];
  readonly keepGoing: boolean;
  readonly dryRun: boolean;
  readonly verbose: boolean;
  readonly runAll: readonly string[];
  readonly runOnly: readonly string[];
  readonly setscene: SetsceneMode;
  /** `-S none`: signatures of all tasks are written, nothing runs. */
  readonly signaturesOnly: boolean;
  /** `-S lockedsigs`: `locked-sigs.inc` is written to the current folder, nothing runs. */
  readonly lockedSignatures?: boolean;
  /** The caller's standard streams are a terminal: environment for whom gets it (`-c devshell`). */
  readonly terminal?: Readonly<Record<string, string>>;
  /** First and second Ctrl-C. */
  readonly stop: AbortSignal;
  readonly kill: AbortSignal;
}

/** What a target recipe left for people. */
export interface BuildOutput {
  readonly target: string;
  /** What it deployed, sorted. */
  readonly files: readonly string[];
  /** Text of the file named by BUILD_SUMMARY. */
  readonly text?: string;
}

export interface BuildResult {
  /** Absent when nothing was to run (`signaturesOnly`). */
  readonly summary?: RunSummary;
  readonly outputs: readonly BuildOutput[];
}

export interface BundleResult {
  readonly build: BuildResult;
  /** Absent when a task failed. */
  readonly bundle?: {
    readonly path: string;
    readonly recipes: number;
    readonly artifacts: number;
    readonly sizeBytes: number;
    readonly isSigned: boolean;
  };
}

/** The finished tree of an image. */
export interface StoredTree {
  /** The image's recipe. */
  readonly image: string;
  /** LAYERSERIES_CORENAMES of the project. */
  readonly series: string;
  /** Where it lies, of whatever it was made; absent: a task brings it. */
  readonly folders?: { readonly tree: string; readonly facts: string };
}

export interface Build {
  readonly topdir: string;
  readonly project: ParsedProject;
  readonly providers: Providers;
  readonly warnings: readonly Diagnostic[];
  /** `-e`: text of the configuration, or of a recipe. */
  showEnvironment(target?: string): Promise<string>;
  /** Values of variables as the recipe of a target has them; those that are not set are left out. */
  variablesOf(target: string, names: readonly string[]): Promise<ReadonlyMap<string, string>>;
  /** `-g`: writes the graph (task-depends.dot, .json, .html) and pn-buildlist to the current folder, returns their paths. */
  writeGraph(request: BuildRequest): Promise<readonly string[]>;
  /** `-s` */
  showVersions(): Promise<ReturnType<Providers["versions"]>>;
  /** `-p` */
  parseOnly(): Promise<{ readonly recipes: number } & ParsedProject["statistics"]>;
  /** Every task of a recipe with its [doc]. */
  listTasks(target: string): readonly { readonly name: string; readonly doc: string }[];
  /** Records of signatures, beside stamps and in the shared state. */
  readonly records: SignatureRecords;
  /**
   * Records beside the stamps of a recipe, newest first, by task in the order in which tasks run.
   *
   * @param task with or without `do_`; all tasks that have records when it is left out
   */
  listRecords(target: string, task?: string): Promise<ReadonlyMap<string, readonly RecordFile[]>>;
  /**
   * Compares two records of a task: the two newest, or those whose hashes begin with the given texts, older first.
   *
   * @throws BuildError `engine/too-few-records`
   */
  diffTask(target: string, task: string, hashes: readonly string[]): Promise<RecordDiff>;
  /** Fetches the lists of the feed. Returns whether anything in them changed. */
  updateFeed(): Promise<boolean>;
  /** Whether what tasks have installed is still there and the same, by TMPDIR. */
  verifyOutputs(): ReadonlyMap<string, VerifiedOutputs>;
  /** Where the files of an image are, whether it is built or not. @throws BuildError `engine/no-such-image` */
  imageFiles(target: string): ImageFiles;
  /** What one needs to work on the tree of an image. @throws BuildError `engine/no-such-image` */
  imageBase(target: string): ImageBase;
  /** The folder that the sysroot of a recipe is kept in, whether it is there or not; undefined for one that has none. */
  sysrootFolder(target: string): string | undefined;
  /**
   * Recipes of extensions.
   *
   * @param targets those and their variants for other bases; empty: all of the project's own layers
   * @throws BuildError `engine/no-such-extension`
   */
  extensions(targets: readonly string[]): {
    readonly chosen: readonly ExtensionRecipe[];
    readonly all: readonly ExtensionRecipe[];
  };
  /** What a build has left of an image. @throws BuildError `engine/no-such-image`, `engine/not-deployed` */
  deployedImage(target: string): DeployedImage;
  /** For statistics, verification, pruning. */
  sharedState(): SharedState;
  close(): Promise<void>;
}

/** One whose folders nobody else builds in. */
export interface LockedBuild extends Build {
  /** @throws BuildError for what stops everything before or beside tasks; failed tasks are in the summary */
  build(request: BuildRequest): Promise<BuildResult>;
  /**
   * Which tasks would be done for the targets, and the inputs that make it so. Nothing runs.
   *
   * @param against `last`: compared with the last build. `closest`: stamps do not count, and each task is compared with
   *   the most similar record, of the shared state too (`-S printdiff`)
   */
  whatChanged(request: BuildRequest, against: "last" | "closest"): Promise<WhatChanged>;
  /**
   * Builds the targets and all that others need of them, and writes it as a bundle.
   *
   * @param path absolute; `….tar`: a tar, anything else: a folder
   * @throws BuildError as `build`; `engine/bundle-of-multiconfig`, `engine/foreign-bundle-folder`, `engine/no-bundled-artifact`
   */
  bundle(request: BuildRequest, path: string): Promise<BundleResult>;
  /**
   * The finished tree of an image, as it is stored: what an image of another type is made of.
   *
   * @param request its targets do not count
   * @param anyLayers takes a tree that other inputs made than there are now
   * @throws BuildError `engine/no-such-image`, `engine/no-stored-tree`, `engine/other-layers`
   */
  storedTree(target: string, request: BuildRequest, anyLayers: boolean): Promise<StoredTree>;
}
