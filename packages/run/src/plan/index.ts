/**
 * What has to be done: by demand or by the metadata's setscene tasks, in which order, and whether what
 * is on the disk still counts. Decides only; nothing here starts anything.
 */
export { decideScene, type Scene, type SceneFacts } from "./scene.js";
export { Currency, type CurrencyFacts, type StampTimes } from "./currency.js";
export { demand, restoreCandidates, runInstead, type Decision, type Plan, type PlanFacts } from "./plan.js";
export { estimate, pathsAhead, SCHEDULERS, type PriorityInput, type Scheduler } from "./priority.js";
export { findCircle } from "./deferred.js";
