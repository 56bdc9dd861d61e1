/** Which shell functions a shell function needs. */
import { words } from "@tsbake/base";
import { isTruthy } from "./flags.js";
import type { Datastore } from "../datastore.js";
import { scanShell } from "../scan/index.js";

/** `start` and every shell function it reaches: commands found in the text, and [vardeps]. */
export function reachedFunctions(d: Datastore, start: string): Set<string> {
  const reached = new Set([start]);
  for (const name of reached) {
    const named = d.getVarFlag(name, "vardeps", { expand: true });
    const { commands } = scanShell(d.getText(name) ?? "");
    for (const other of [...commands, ...words(typeof named === "string" ? named : undefined)]) {
      if (isShellFunction(d, other)) reached.add(other);
    }
  }
  return reached;
}

/** Whether `name` is a function whose body is shell. */
function isShellFunction(d: Datastore, name: string): boolean {
  return isTruthy(d.getVarFlag(name, "func")) && !isTruthy(d.getVarFlag(name, "python"));
}
