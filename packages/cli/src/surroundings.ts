/** What a session has of the world outside: handed in, so that a test can hand in another one. */
import type { Build, LockedBuild, OpenOptions } from "@tsbake/engine";
import type { Output } from "./display/screen.js";

export interface Surroundings {
  readonly stdout: Output;
  readonly stderr: Output;
  readonly environment: Readonly<Record<string, string>>;
  readonly directory: string;
  readonly version: string;
  /** Since the command was started, in ms. */
  readonly elapsedMs: () => number;
  /** The words of the command line. */
  readonly words: readonly string[];
  readonly openBuild: (options: OpenOptions) => Promise<Build>;
  readonly lockBuild: (options: OpenOptions, holds: "build folder" | "everything") => Promise<LockedBuild>;
  /** Ctrl-C once and twice; the reason of an abort is the signal. */
  readonly stop: AbortSignal;
  readonly kill: AbortSignal;
  /** Tasks may be running from now on: until then a signal ends us at once. */
  readonly onTasks: () => void;
  /** Standard input and output are a terminal that a task may have. Default: false. */
  readonly hasTerminal?: boolean;
  /** A task has it, or has given it back: meanwhile Ctrl-C is for that task. */
  readonly onTerminal?: (taken: boolean) => void;
}
