/** What of the caller's environment gets into the configuration. docs/language.md 12. */
import { words } from "@tsbake/base";
import { Datastore } from "@tsbake/datastore";

/** Imported and handed on to tasks. */
const EXPORTED = ["BB_TASKHASH", "HOME", "LOGNAME", "PATH", "PWD", "SHELL", "USER", "LC_ALL", "BBSERVER"];
const IMPORTED = ["BBPATH", "BB_PRESERVE_ENV", "BB_ENV_PASSTHROUGH_ADDITIONS", ...EXPORTED];

/** What a shell changes from command to command: no reason to parse again, even when it passes. */
export const FLEETING: readonly string[] = ["PWD", "OLDPWD", "SHLVL", "_"];

/** The variables that pass, by name: BB_ENV_PASSTHROUGH replaces the list, BB_ENV_PASSTHROUGH_ADDITIONS extends it. */
export function passedEnvironment(environment: Readonly<Record<string, string>>): Record<string, string> {
  const passed: Record<string, string> = {};
  for (const name of passedNames(environment)) {
    const value = environment[name];
    if (value !== undefined) passed[name] = value;
  }
  return passed;
}

function passedNames(environment: Readonly<Record<string, string>>): string[] {
  if ("BB_PRESERVE_ENV" in environment) return Object.keys(environment);
  const replaced = environment["BB_ENV_PASSTHROUGH"];
  const names = replaced === undefined ? IMPORTED : [...words(replaced), "BB_ENV_PASSTHROUGH"];
  return [...names, ...words(environment["BB_ENV_PASSTHROUGH_ADDITIONS"])];
}

/** Puts the passed environment into `d`, and the whole of it into BB_ORIGENV. */
export function importEnvironment(d: Datastore, environment: Readonly<Record<string, string>>): void {
  const original = new Datastore();
  for (const [name, value] of Object.entries(environment)) original.setVar(name, value);
  for (const [name, value] of Object.entries(passedEnvironment(environment))) {
    d.setVar(name, value, { operation: "from env" });
    if (EXPORTED.includes(name)) d.setVarFlag(name, "export", true, { operation: "auto env export" });
  }
  d.setVar("BB_ORIGENV", original);
}
