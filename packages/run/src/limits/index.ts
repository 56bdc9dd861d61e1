/**
 * What of the machine holds tasks back or stops them: pressure, load, full disks, and how nice they are.
 */
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
export { IONICE_LEVEL, NICE_LEVEL, type Level } from "./niceness.js";
