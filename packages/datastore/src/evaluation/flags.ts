/** Flags that say yes or no, and what follows from `export`: one reading for signatures, environments and `-e`. */
import { BuildError, toBoolean } from "@tsbake/base";
import type { Datastore } from "../datastore.js";
import { malformedBoolean } from "../problems.js";
import { pythonText, type Value } from "../variables/index.js";

/** Python's idea of truth, for the values that stand in flags and variables: any text is true, also `0`. */
export function isTruthy(value: Value | undefined): boolean {
  return value !== undefined && value !== null && value !== "" && value !== 0 && value !== false;
}

/**
 * Whether a flag that says yes or no says yes; a number does unless it is 0.
 *
 * @throws BuildError `datastore/malformed-boolean`
 */
export function isFlagTrue(d: Datastore, name: string, flag: string): boolean {
  return isTrueText(d, name, flag, d.getVarFlag(name, flag));
}

/**
 * The same before anything runs, as far as it can be told without evaluation.
 *
 * @throws BuildError `datastore/malformed-boolean`
 */
export function checkBooleanFlag(d: Datastore, name: string, flag: string): void {
  const value = d.getVarFlag(name, flag, { expand: false });
  if (typeof value !== "string" || !value.includes("${")) isTrueText(d, name, flag, value);
}

/**
 * Names of variables that are in the environment of bodies: `export` says yes and `unexport` does not.
 *
 * @throws BuildError `datastore/malformed-boolean`
 */
export function exportedNames(d: Datastore): string[] {
  const listed = d.getVar("__exportlist", { expand: false });
  const names = listed instanceof Set ? [...(listed as ReadonlySet<string>)] : [];
  return names.filter((name) => isFlagTrue(d, name, "export") && !isFlagTrue(d, name, "unexport"));
}

function isTrueText(d: Datastore, name: string, flag: string, value: Value | undefined): boolean {
  if (typeof value !== "string") return isTruthy(value);
  const answer = toBoolean(value);
  if (answer === undefined) {
    throw new BuildError([malformedBoolean(d.spanOf(name, flag), name, flag, pythonText(value))]);
  }
  return answer;
}
