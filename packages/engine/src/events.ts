/** What the engine tells while it works, before and around the run queue's own events. */
import type { Diagnostic } from "@tsbake/base";
import type { RunEvent } from "@tsbake/run";

/** The project file is read, and its repositories are there. */
export interface ProjectRead {
  readonly type: "project";
  /** Of the project file. */
  readonly path: string;
  /** What a build without targets builds. */
  readonly targets: readonly string[];
}

/** Files read so far; the last one has `done` equal to `total`. */
export interface Parsing {
  readonly type: "parsing";
  readonly done: number;
  readonly total: number;
  /** Of these, taken from the parse cache. */
  readonly cached: number;
}

/** Everything is read. */
export interface Parsed {
  readonly type: "parsed";
  readonly recipes: number;
  readonly cached: number;
  readonly elapsedMs: number;
}

/** Work between the parse and the first task that a person would wait for: the archive's lists, its solutions. */
export interface Step {
  readonly type: "step";
  readonly text: string;
  /** How many of how many, where that is known. */
  readonly done?: number;
  readonly total?: number;
  /** How far it is where nothing is counted, 0 to 100. */
  readonly percent?: number;
}

/** Another tsbake works in the same build folder; this one waits for it. */
export interface BuildLockWait {
  readonly type: "build-lock-wait";
  readonly holder: string;
}

/** Something that does not stop the build, told before the run queue starts. */
export interface EngineWarning {
  readonly type: "engine-warning";
  readonly diagnostic: Diagnostic;
}

/** What went to and came from others; once, after the last task, where SSTATE_MIRRORS or SSTATE_MIRROR_PUSH is set. */
export interface SharedStateTraffic {
  readonly type: "shared-state";
  /** SSTATE_MIRROR_PUSH; undefined where it is not set, and then nothing is pushed. */
  readonly url?: string;
  /** Artifacts that the build looked for, and how many of them it found: here or on a mirror. */
  readonly wanted: number;
  readonly found: number;
  /** Artifacts that came from a mirror, and their bytes. */
  readonly fetched: number;
  readonly fetchedBytes: number;
  /** Artifacts that were uploaded, and their bytes. */
  readonly pushed: number;
  readonly bytes: number;
  /** Those that the server had already, and those of whose name it had another one. */
  readonly known: number;
  readonly conflicts: number;
  /** Those that the next build uploads. */
  readonly left: number;
}

/** Metadata said something while it was read: bb.note, bb.warn, bb.error, print. */
export interface MetadataMessage {
  readonly type: "metadata-message";
  readonly level: "debug" | "plain" | "note" | "warning" | "error";
  readonly text: string;
}

export type EngineEvent =
  | ProjectRead
  | Parsing
  | Parsed
  | Step
  | BuildLockWait
  | EngineWarning
  | SharedStateTraffic
  | MetadataMessage
  | RunEvent;
