/**
 * One opening of an overlay. `@tsbake/overlay/shell` is this folder alone: a shell on a base that has not moved loads nothing of
 * databases and images.
 */
export { driftRows, type Drift } from "./drift.js";
export { runShell, type ShellRequest } from "./open.js";
export type { Bind } from "@tsbake/sandbox";
