/**
 * The script of a shell function: everything it needs and nothing from around it, so that it runs by hand as it ran here.
 *
 * @see BitBake 2.19 lib/bb/data.py emit_func for what goes in: exported variables and all functions that are reached
 */
import { byText } from "@tsbake/base";
import { exportedNames, isTruthy, reachedFunctions } from "@tsbake/datastore";
import type { Datastore } from "@tsbake/datastore";

export interface ShellScriptOptions {
  readonly function: string;
  /** First line of the head comment, e.g. `do_compile of hello 1.0`. */
  readonly title: string;
  readonly cwd: string;
  /** Octal digits. */
  readonly umask: string | undefined;
  /** `set -x`. */
  readonly trace: boolean;
}

/** The text of the script. @throws PythonError when inline Python in a value or body fails */
export function shellScript(d: Datastore, options: ShellScriptOptions): string {
  const names = [...reachedFunctions(d, options.function)].filter((name) => !saying.has(name)).sort(byText);
  const main = names.indexOf(options.function);
  names.push(...names.splice(main, 1));
  const lines = [
    "#!/bin/sh",
    `# ${options.title}. Run it by hand to repeat the task.`,
    "",
    ...[...exportedVariables(d)].map(([name, value]) => `export ${name}=${quote(value)}`),
    "",
    sayingFunctions,
    ...names.flatMap((name) => [functionText(name, d.getText(name) ?? ""), ""]),
  ];
  if (options.umask !== undefined) lines.push(`umask ${options.umask}`);
  lines.push(`cd ${quote(options.cwd)}`, "set -e");
  if (options.trace) lines.push("set -x");
  lines.push(options.function, "");
  return lines.join("\n");
}

/** Variables with the flag `export` and without `unexport`, by name; those that no shell can hold are left out. */
export function exportedVariables(d: Datastore): Map<string, string> {
  const exported: [string, string][] = [];
  for (const name of exportedNames(d)) {
    if (name.startsWith("__") || !/^[A-Za-z_][A-Za-z0-9_]*$/.test(name)) continue;
    if (isTruthy(d.getVarFlag(name, "func"))) continue;
    const value = d.getText(name);
    // A line end in a value is a continuation in metadata; NUL ends a C string.
    if (value !== undefined) exported.push([name, value.replaceAll("\n", " ").replaceAll("\0", "")]);
  }
  return new Map(exported.sort(([left], [right]) => byText(left, right)));
}

/** Text of a flag. */
export function asText(value: unknown): string {
  if (value === undefined || value === null) return "";
  return typeof value === "string" ? value : typeof value === "number" || value === true ? String(value) : "";
}

function functionText(name: string, body: string): string {
  // A body of blanks and comments is no compound command to a shell.
  const isEmpty = body.split("\n").every((line) => /^\s*(#.*)?$/.test(line));
  return `${name}() {\n${isEmpty ? `${body}\n    :` : body.replace(/\n+$/, "")}\n}`;
}

function quote(text: string): string {
  return `'${text.replaceAll("'", String.raw`'\''`)}'`;
}

/** What a body may say to the user; docs/language.md 19.6. */
const saying = new Set([
  "bbplain",
  "bbnote",
  "bbverbnote",
  "bbwarn",
  "bberror",
  "bbfatal",
  "bbfatal_log",
  "bbdebug",
]);

// The engine gives the number of a descriptor that takes records; by hand there is none, and the text is enough.
const sayingFunctions = String.raw`tsbake_messages="$1"
tsbake_say() {
    tsbake_level="$1"
    shift
    if [ -n "$tsbake_messages" ]; then
        printf '%s %s\0' "$tsbake_level" "$*" >&"$tsbake_messages"
    fi
}
bbplain() { echo "$*"; tsbake_say plain "$*"; }
bbnote() { echo "NOTE: $*"; tsbake_say note "$*"; }
bbverbnote() { echo "NOTE: $*"; tsbake_say note "$*"; }
bbwarn() { echo "WARNING: $*"; tsbake_say warning "$*"; }
bberror() { echo "ERROR: $*"; tsbake_say error "$*"; }
bbfatal() { bberror "$*"; exit 1; }
bbfatal_log() { bberror "$*"; exit 1; }
bbdebug() {
    tsbake_debug_level="$1"
    shift
    echo "DEBUG: $*"
    tsbake_say debug "$*"
}
`;
