/** Scripts of the extension: whether what `#!` names is there. */
import type { FileEntry } from "@tsbake/archive";
import type { Context } from "../context.js";
import type { Finding } from "../finding.js";
import { isCommand, PATH_FOLDERS } from "./folders.js";
import { finding, type CheckRule } from "./rule.js";

/** Programs that others start; elsewhere an executable bit says little: examples, tests, modules. */
const STARTED = /^\/usr\/(libexec|lib\/(udev|systemd|dbus-1\.0|NetworkManager))\//;

export const scripts: CheckRule = {
  codes: [
    {
      code: "missing-interpreter",
      severity: "either",
      meaning:
        "the program that a script's first line (`#!`) names is not there; an error for commands and for what units start, a warning below /usr/libexec and the like",
    },
  ],
  *find(context) {
    const started = new Set<string>();
    for (const { program } of context.programs) {
      const place = context.merged.find(program);
      if (place.kind === "there") started.add(place.path);
    }
    for (const entry of context.extension.tree.entries()) {
      if (entry.kind !== "file" || entry.hardlink !== undefined || (entry.mode & 0o111) === 0) continue;
      const isStarted = isCommand(entry.path) || started.has(entry.path);
      if (!isStarted && !STARTED.test(entry.path)) continue;
      const missing = missingInterpreter(context, entry);
      if (missing !== undefined) yield scriptFinding(context, entry, missing, isStarted);
    }
  },
};

function scriptFinding(context: Context, entry: FileEntry, missing: string, isStarted: boolean): Finding {
  return finding(
    "missing-interpreter",
    isStarted ? "error" : "warning",
    entry,
    `its first line names ${missing}, which neither the extension nor ${context.base.name} has`,
    `add the package that has ${missing} to IMAGE_PREINSTALL or IMAGE_INSTALL`,
  );
}

/** @returns what is named and not there */
function missingInterpreter({ extension, merged }: Context, entry: FileEntry): string | undefined {
  const start = extension.tree.start(entry);
  if (start[0] !== 0x23 || start[1] !== 0x21) return undefined;
  const [line = ""] = start.toString("latin1", 2).split("\n");
  const [interpreter = "", ...rest] = line.split(/[ \t\r]+/).filter((word) => word !== "");
  // A relative name depends on where the caller stands.
  if (!interpreter.startsWith("/") || interpreter.includes("\0")) return undefined;
  if (!merged.has(interpreter)) return interpreter;
  if (!interpreter.endsWith("/env")) return undefined;
  // Options and assignments of env stand before the name.
  const name = rest.find((word) => !word.startsWith("-") && !word.includes("="));
  if (name === undefined || name.startsWith("/"))
    return name !== undefined && !merged.has(name) ? name : undefined;
  return PATH_FOLDERS.some((folder) => merged.has(`${folder}/${name}`)) ? undefined : name;
}
