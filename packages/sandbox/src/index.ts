export { staysBelow } from "./below.js";
export { demandCage, openCage, type Cage, type CageOptions } from "./cage.js";
export { reaping, shutFrom } from "./doors.js";
export { insideRoot, linkOutOf, refuseLinks, type InsideRoot, type Link } from "./inside-root.js";
export { findProgram, openIsolation, type Isolation } from "./isolation.js";
export type { SandboxOptions } from "./namespaces.js";
export { leavesRoot } from "./problems.js";
export { openSandbox, type Sandbox, type SandboxRunOptions } from "./sandbox.js";
export { listRoot, type RootEntry } from "./tree.js";
