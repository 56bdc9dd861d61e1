export { scanPython } from "./python.js";
export { scanShell } from "./shell.js";
export type { PythonScan, ScanProblem, ShellScan } from "./types.js";
