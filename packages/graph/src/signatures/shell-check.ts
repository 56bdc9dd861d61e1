/** Shell functions that no shell can read: told when the recipe is read, not when the task has waited for its turn. */
import { spawnSync } from "node:child_process";
import { BuildError } from "@tsbake/base";
import { placeOfBodyLine, type Datastore, type ScanProblem } from "@tsbake/datastore";
import { shellSyntax } from "../problems.js";

/**
 * Our scanner understands less than a shell does, so that the shell has the last word.
 *
 * @param text expanded body of the function `name`
 * @throws BuildError `graph/shell-syntax` with the line that the scanner stumbled over
 */
export function checkShell(d: Datastore, name: string, text: string, problem: ScanProblem): void {
  const { status, error } = spawnSync("/bin/sh", ["-n"], { input: `f() {\n${text}\n}\n`, encoding: "utf8" });
  if (error || status === 0) return;
  throw new BuildError([
    shellSyntax(name, problem.message, placeOfBodyLine(d, name, text, problem.line) ?? d.spanOf(name)),
  ]);
}
