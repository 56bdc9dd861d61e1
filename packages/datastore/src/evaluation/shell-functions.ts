/** Which shell functions a shell function needs. */
import { words } from "@tsbake/base";
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
export function isShellFunction(d: Datastore, name: string): boolean {
  return isTrue(d.getVarFlag(name, "func")) && !isTrue(d.getVarFlag(name, "python"));
}

function isTrue(value: unknown): boolean {
  if (value === undefined || value === null || value === false || value === 0) return false;
  return (
    typeof value !== "string" || !["", "0", "n", "no", "f", "false"].includes(value.trim().toLowerCase())
  );
}
