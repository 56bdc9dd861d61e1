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
export { runTasks } from "./run.js";
