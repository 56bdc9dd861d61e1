/** `tsbake shell diff` and `commit`. */
import type { SessionCommand } from "../command.js";

export const diff: SessionCommand = {};
export const commit: SessionCommand = {};
