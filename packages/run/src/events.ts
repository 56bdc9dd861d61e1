/** What happens while tasks run, as data: a closed union. Displays and logs consume it; nothing in this room prints. */
import type { Diagnostic } from "@tsbake/base";
import type { TaskId } from "@tsbake/graph";

/** Which task an event speaks of. */
export interface TaskName {
  readonly task: TaskId;
  /** `PN:do_task`, for people. */
  readonly label: string;
}

/**
 * Why no body was executed: restored from shared state, current by its stamp, only needed by such a one, or a task that
 * has nothing to execute ([noexec]).
 */
export type SkipReason = "restored" | "current" | "covered" | "noexec";
/** The store had it and cannot give it (it warns of its troubles itself), or what it gave is of no use. */
export type RestoreFault = "gone" | "unusable";

/** The plan is made; sent once, before any task starts. */
export interface PlanMade {
  readonly type: "plan";
  /** Tasks in the graph: current + covered + noexec + toRestore + toRun. */
  readonly total: number;
  readonly current: number;
  readonly covered: number;
  readonly noexec: number;
  readonly toRestore: number;
  readonly toRun: number;
  /** Expected wall time in ms from recorded durations; undefined when too little is known. */
  readonly estimateMs?: number;
}

/** A task begins: a body is executed, or an artifact is restored. */
export interface TaskStarted extends TaskName {
  readonly type: "task-started";
  readonly how: "run" | "restore";
  /** Running number among what is to be done, from 1, and how many there are now (a failed restore adds some). */
  readonly number: number;
  readonly of: number;
  /** Duration recorded by an earlier build, in ms. */
  readonly expectedMs?: number;
}

/** A task body ended well; its artifact and stamp are there. */
export interface TaskFinished extends TaskName {
  readonly type: "task-finished";
  readonly elapsedMs: number;
}

/** A task that was started failed (or, in a dry run, never). */
export interface TaskFailed extends TaskName {
  readonly type: "task-failed";
  readonly elapsedMs: number;
  readonly failure: TaskFailure;
}

/** What is known of a failed task. */
export interface TaskFailure extends TaskName {
  /** What went wrong, with the remedy. */
  readonly diagnostics: readonly Diagnostic[];
  /** Exit code of the body; 128 + number for a signal; undefined when no process ran. */
  readonly exitCode?: number;
  readonly logPath?: string;
  /** The script that repeats the task by hand. */
  readonly scriptPath?: string;
  /** Stopped by us (second Ctrl-C), not by itself. */
  readonly stopped: boolean;
}

/** A task counts as done without a body. Current and covered ones come right after `plan`. */
export interface TaskSkipped extends TaskName {
  readonly type: "task-skipped";
  readonly reason: SkipReason;
  /** Time of the restore in ms; 0 for the other reasons. */
  readonly elapsedMs: number;
}

/** A restore went wrong (damaged, vanished); the real task runs instead. */
export interface RestoreFailed extends TaskName {
  readonly type: "restore-failed";
  readonly reason: RestoreFault;
  readonly diagnostic: Diagnostic;
}

/** A running body reported how far it is ([progress] flag). */
export interface TaskProgress extends TaskName {
  readonly type: "task-progress";
  /** 0 to 100; falls when the body begins with something else. */
  readonly percent: number;
  /** What the body counts, e.g. packages; only from `outof`. */
  readonly done?: number;
  readonly total?: number;
}

/** A line of a body's output; only when verbose. */
export interface TaskOutput extends TaskName {
  readonly type: "task-output";
  readonly line: string;
}

/** A body said something to the user: bbplain, bbnote, bbwarn, bberror, bbfatal. An error makes the build fail. */
export interface TaskMessage extends TaskName {
  readonly type: "task-message";
  readonly level: "debug" | "note" | "plain" | "warning" | "error";
  readonly text: string;
}

/** A body has the terminal from now on, or has given it back: nobody else may write to it meanwhile. */
export interface TerminalTaken extends TaskName {
  readonly type: "terminal";
  readonly taken: boolean;
}

/** A task waits for a lock that another process holds. */
export interface LockWait extends TaskName {
  readonly type: "lock-wait";
  readonly path: string;
  /** What the holder says of itself. */
  readonly holder: string;
}

/** No new tasks are started: interrupted, or a task failed; `running` are waited for, or killed when `killing`. */
export interface Stopping {
  readonly type: "stopping";
  readonly reason: "interrupted" | "failure";
  readonly killing: boolean;
  readonly running: readonly string[];
}

/** The machine has enough to do: no further task starts until `exceeded` (cpu, io, memory, load) is empty again. */
export interface Held {
  readonly type: "held";
  readonly exceeded: readonly string[];
}

/** Something that does not stop the build. */
export interface RunWarning {
  readonly type: "warning";
  readonly diagnostic: Diagnostic;
}

/** All is over; sent once, last. */
export interface RunFinished {
  readonly type: "finished";
  readonly summary: RunSummary;
}

export type RunEvent =
  | PlanMade
  | TaskStarted
  | TaskFinished
  | TaskFailed
  | TaskSkipped
  | RestoreFailed
  | TaskProgress
  | TaskOutput
  | TaskMessage
  | TerminalTaken
  | LockWait
  | Stopping
  | Held
  | RunWarning
  | RunFinished;

/** The result of one run of the queue. */
export interface RunSummary {
  /** Tasks of the graph. */
  readonly total: number;
  /** Bodies executed, restored, current, covered, and without anything to execute: counts. */
  readonly ran: number;
  readonly restored: number;
  readonly current: number;
  readonly covered: number;
  readonly noexec: number;
  readonly failed: readonly TaskFailure[];
  /** Needed tasks that were not started: they depend on a failed one, or the run was stopped. */
  readonly notStarted: readonly TaskId[];
  readonly interrupted: boolean;
  /** ERROR messages of tasks that succeeded all the same; as in BitBake they make the exit code 1. */
  readonly errorMessages: number;
  readonly warnings: number;
  /** The slowest bodies, at most ten, slowest first. */
  readonly slowest: readonly (TaskName & { readonly elapsedMs: number })[];
  readonly elapsedMs: number;
  /** Every target is done, nothing failed and no task said ERROR. */
  readonly ok: boolean;
}
