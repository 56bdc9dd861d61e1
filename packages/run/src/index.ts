export type {
  Held,
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
  TerminalTaken,
} from "./events.js";
export type {
  ProcessEnd,
  PythonCall,
  PythonRunner,
  RunOptions,
  RunSettings,
  SceneOptions,
  SetsceneMode,
} from "./options.js";
export { withPython } from "./python-needed.js";
export { objectName } from "./artifact.js";
export { removeFolder } from "./folders.js";
export { noTerminal } from "./problems.js";
export { openStamps, staleStamps, type Stamped, type Stamps } from "./stamps.js";
export { runTasks } from "./run.js";
export { decideScene, type Scene, type SceneFacts } from "./scene.js";
export {
  DiskMonitor,
  type DiskAction,
  type DiskFull,
  type DisksSeen,
  type DiskRule,
  type DiskSettings,
  type DiskShortage,
  type Free,
} from "./disk.js";
export { Pressure, type Machine, type PressureLimits, type Resource } from "./pressure.js";
export { Currency, type CurrencyFacts, type StampTimes } from "./currency.js";
export { demand, restoreCandidates, runInstead, type Decision, type Plan, type PlanFacts } from "./plan.js";
export { estimate, pathsAhead, SCHEDULERS, type PriorityInput, type Scheduler } from "./priority.js";
export { IONICE_LEVEL, NICE_LEVEL, type Level } from "./niceness.js";
export { progressReader, type Progress, type ProgressReader } from "./progress.js";
export { shellScript, type ShellScriptOptions } from "./shell-script.js";
export { installOutputs, uninstallOutputs, type Owner } from "./install.js";
export { manifestPath, readManifest, writeManifest, type Manifest } from "./manifest.js";
export type { TaskDependency } from "./task-dependencies.js";
export { findCircle } from "./twins.js";
