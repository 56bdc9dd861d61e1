/**
 * Shells in writable overlays over the trees of images: their life, their package database after the base has moved, what was
 * changed in them, and how that becomes a recipe. Nothing here writes to a base.
 */
export { foreignFormat } from "./problems.js";
export { runShell, type ShellRequest } from "./shell/open.js";
export type { Bind } from "@tsbake/sandbox";
export { listOverlays, removeOverlay, resetOverlay, type KeptOverlay } from "./store/kept.js";
