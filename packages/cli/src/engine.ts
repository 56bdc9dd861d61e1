/**
 * What the command line asks of the engine: the shape of `@tsbake/engine`, and nothing more. Displays and tests see only
 * this, so that a test hands in a build of its own.
 */
import type { Diagnostic } from "@tsbake/base";
import type { RunEvent, RunSummary, SetsceneMode } from "@tsbake/run";

/** What happens before and beside the tasks. */
export type EngineEvent =
  /** Recipes are read; `cached` of the `done` came from the parse cache. */
  | { readonly type: "parsing"; readonly done: number; readonly total: number; readonly cached: number }
  | { readonly type: "parsed"; readonly recipes: number; readonly cached: number; readonly elapsedMs: number }
  /** Another step begins that may take a while, e.g. `reading the package feed`. */
  | { readonly type: "step"; readonly text: string }
  /** Another process holds the build folder. */
  | { readonly type: "build-lock-wait"; readonly holder: string }
  | RunEvent;

export interface OpenOptions {
  /** Folder the command was started in; build folder and project are found from it. */
  readonly directory: string;
  /** -r, -R */
  readonly preFiles: readonly string[];
  readonly postFiles: readonly string[];
  readonly environment: Readonly<Record<string, string>>;
  /** The whole command, for the lock's holder text. */
  readonly command: string;
  /** Keep where values were set: `-e` needs it, nothing else should pay for it. */
  readonly trackHistory: boolean;
  /** -D count. */
  readonly debug: number;
  readonly onEvent: (event: EngineEvent) => void;
}

export interface BuildRequest {
  /** As written: `name`, `name:do_task`, `mc:NAME:name`, `virtual/x`. */
  readonly targets: readonly string[];
  /** -c, without `do_` or with. */
  readonly task?: string;
  /** -f: taint the target tasks. */
  readonly force: boolean;
  /** -C: taint these tasks of each target, then run the default task. */
  readonly invalidate: readonly string[];
  readonly keepGoing: boolean;
  readonly dryRun: boolean;
  readonly verbose: boolean;
  readonly runAll: readonly string[];
  readonly runOnly: readonly string[];
  readonly setscene: SetsceneMode;
  /** Write signature data and run nothing (`-S none`). */
  readonly signaturesOnly: boolean;
  readonly stop: AbortSignal;
  readonly kill: AbortSignal;
}

export interface BuildResult {
  /** Absent when nothing was to run (signaturesOnly). */
  readonly summary?: RunSummary;
  /** What the targets left for people: text of a summary file, and the files that were deployed. */
  readonly outputs: readonly {
    readonly target: string;
    readonly files: readonly string[];
    readonly text?: string;
  }[];
}

export interface Build {
  build(request: BuildRequest): Promise<BuildResult>;
  /** `-e [target]`: text as `bitbake -e` prints it. */
  showEnvironment(target?: string): Promise<string>;
  /** `-g`: writes task-depends.dot and pn-buildlist, returns their paths. */
  writeGraph(request: BuildRequest): Promise<readonly string[]>;
  /** `-s`: rows sorted by name. */
  showVersions(): Promise<
    readonly {
      readonly pn: string;
      readonly latest: string;
      readonly preferred: string;
      readonly required: string;
    }[]
  >;
  /** `-p`: everything is parsed already when a build is open; tells counts. */
  parseOnly(): Promise<{
    readonly recipes: number;
    readonly files: number;
    readonly cached: number;
    readonly skipped: number;
    readonly masked: number;
  }>;
  readonly warnings: readonly Diagnostic[];
  close(): Promise<void>;
}

/** @throws BuildError with every error found */
export type OpenBuild = (options: OpenOptions) => Promise<Build>;
