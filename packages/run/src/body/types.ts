/** What a run hands to the execution of a body. Shapes only. */
import type { Datastore } from "@tsbake/datastore";
import type { Isolation } from "@tsbake/sandbox";
import type { RunEvent, TaskName } from "../events.js";
import type { Niceness } from "../limits/niceness.js";
import type { PythonCall, PythonRunner } from "../options.js";
import type { Processes } from "../processes/processes.js";

/** What all bodies of a run share. */
export interface Executor {
  readonly processes: Processes;
  readonly isolation: Isolation;
  readonly niceness: Niceness;
  readonly runPython: PythonRunner;
  readonly openPython: (() => Promise<void>) | undefined;
  readonly verbose: boolean;
  /** RunSettings.folders */
  readonly folders: readonly string[];
  /** RunSettings.terminal */
  readonly terminal: Readonly<Record<string, string>> | undefined;
  readonly onEvent: (event: RunEvent) => void;
}

/** The function of a task, and what belongs to it. */
export interface Body extends TaskName {
  /** With `do_`. */
  readonly function: string;
  /** From `taskDatastore`. */
  readonly d: Datastore;
  /** What a Python function says it made; see `PythonCall.reportOutput`. */
  readonly reportOutput?: PythonCall["reportOutput"];
  /** TSBAKE_CHECK_READS: words in front of each command, so that what it reads is known. */
  readonly watch?: { words(): readonly string[] } | undefined;
  /** Called with the folder `${T}` before the first function. */
  readonly prepare: (folder: string) => Promise<void>;
}
