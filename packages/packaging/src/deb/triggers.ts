/** Triggers as packages name them and as a database is interested in them. @see deb-triggers(5) */
import { words } from "@tsbake/base";
import type { PackageDatabase } from "../database/database.js";

export interface Trigger {
  /** A word, or the path of a file or folder. */
  readonly name: string;
  /** Whether who activates it waits for it. */
  readonly isAwaited: boolean;
}

/** What lines of a control member `triggers` activate. */
export function activations(lines: readonly string[]): Trigger[] {
  return lines.flatMap((line) => {
    const [directive = "", name] = words(line);
    if (!directive.startsWith("activate") || name === undefined) return [];
    return [{ name, isAwaited: directive !== "activate-noawait" }];
  });
}

/** `triggers/File` has a path and a package a line; any other file is named like its trigger and has a package a line. */
export function interestsOf({ triggers }: Pick<PackageDatabase, "triggers">): Trigger[] {
  return triggers.flatMap((entry) => {
    const [file = "", line = ""] = entry.split("\t");
    const [name = "", who = line] = file === "File" ? line.split(" ") : [file];
    return name === "" ? [] : [{ name, isAwaited: !who.endsWith("/noawait") }];
  });
}

/** Whether one of the paths is that of the trigger, or lies below it. */
export function firesOn({ name }: Trigger, paths: readonly string[]): boolean {
  return name.startsWith("/") && paths.some((path) => path === name || path.startsWith(`${name}/`));
}
