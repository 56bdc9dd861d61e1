export type {
  LockWait,
  PlanMade,
  RestoreFailed,
  RunEvent,
  RunFinished,
  RunSummary,
  RunWarning,
  SkipReason,
  Stopping,
  TaskFailed,
  TaskFailure,
  TaskFinished,
  TaskMessage,
  TaskName,
  TaskOutput,
  TaskProgress,
  TaskSkipped,
  TaskStarted,
} from "./events.js";
export type {
  ProcessEnd,
  PythonCall,
  PythonRunner,
  RunOptions,
  RunSettings,
  SetsceneMode,
} from "./options.js";
export { openStamps, type Stamped, type Stamps } from "./stamps.js";
import type { RunSummary } from "./events.js";
import type { RunOptions } from "./options.js";

/**
 * Plans (setscene first), then restores and executes what is needed, by priority, as many at a time as the settings
 * allow. Failures of tasks are in the summary and in events.
 *
 * @throws BuildError for what stops everything: a stamp or cache folder that cannot be written
 */
export declare function runTasks(options: RunOptions): Promise<RunSummary>;
