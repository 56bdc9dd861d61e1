/** `tsbake -e`: every variable of a datastore with its history, its value, and the functions; laid out as `bitbake -e` does. */
import { basename } from "node:path";
import { BuildError, byText } from "@tsbake/base";
import { isFlagTrue, pythonText } from "@tsbake/datastore";
import type { Datastore, HistoryEntry } from "@tsbake/datastore";
import { INCLUDE_HISTORY } from "@tsbake/recipe";

function textOf(d: Datastore, name: string): string {
  const value = d.getVar(name, { expand: false });
  return value === undefined ? "" : pythonText(value);
}

/** The whole text, ending in a newline. A value that cannot be expanded is told in a comment, as BitBake does. */
export function describeEnvironment(d: Datastore): string {
  const names = [...d.keys()].sort(byText);
  const isFunction = (name: string) => Boolean(d.getVarFlag(name, "func", { expand: false }));
  const isPython = (name: string) => Boolean(d.getVarFlag(name, "python", { expand: false }));
  // Names that begin so are the engine's.
  const shown = names.filter((name) => !name.startsWith("__"));
  const shell = shown.filter((name) => isFunction(name) && !isPython(name));
  const python = names.filter((name) => isFunction(name) && isPython(name));
  const includes = d.getVar(INCLUDE_HISTORY, { expand: false });
  return [
    ...(typeof includes === "string" ? includeLines(includes) : []),
    ...shown.filter((name) => !isFunction(name)).flatMap((name) => describeVariable(d, name)),
    ...shell.flatMap((name) => describeFunction(d, name)),
    ...python.flatMap((name) => describePython(d, name)),
  ]
    .join("\n")
    .replace(/\n*$/, "\n");
}

/** Which file of the configuration includes which; as in BitBake, the recipe and what it includes are not among them. */
function includeLines(text: string): string[] {
  return ["#", "# INCLUDE HISTORY:", "#", ...text.split("\n").map((line) => `# ${line}`)];
}

function describeVariable(d: Datastore, name: string): string[] {
  const raw = d.getVar(name, { expand: false });
  // Objects of metadata Python have no text that a person could use.
  if (typeof raw === "object" && raw !== null) return [];
  const { value, problem } = expanded(d, name);
  if (problem) return [`# expansion of ${name} threw ExpansionError: ${problem}`];
  const lines = historyLines(name, d.history(name), textOf(d, name));
  const shown = d.expand(name);
  if (isFlagTrue(d, name, "unexport")) return [...lines, `unset ${shown}`];
  if (raw === undefined) return lines;
  return [...lines, `${isFlagTrue(d, name, "export") ? "export " : ""}${shown}="${quote(value)}"`];
}

function expanded(d: Datastore, name: string): { value: string; problem?: string } {
  try {
    return { value: d.getText(name) ?? "" };
  } catch (error) {
    if (!(error instanceof BuildError)) throw error;
    return { value: "", problem: error.diagnostics.map((one) => one.message.split("\n")[0]).join("; ") };
  }
}

/** For double quotes of a shell. */
function quote(value: string): string {
  return value.replaceAll('"', '\\"').replaceAll("`", "\\`").replaceAll("\n", " \\\n").replaceAll("$", "\\$");
}

/** @param raw the value before expansion */
function historyLines(name: string, history: readonly HistoryEntry[], raw: string): string[] {
  // What the engine noted down for itself (FILE while it reads, LAYERDIR put in) is nobody's doing.
  const told = history.filter(({ file, operation }) => file !== "" || operation.includes(" env"));
  const entries = told.length > 0 ? told : history.slice(-1);
  const count = entries.length > 1 ? ` [${entries.length} operations]` : "";
  const lines = ["#", `# $${name}${count}`];
  for (const { operation, file, line, by, flag, detail } of entries) {
    // As in BitBake, the folder of a file is left out where a function is named.
    const place = file === "" ? "" : ` ${by === undefined ? file : basename(file)}:${line}`;
    lines.push(`#   ${operation}${place}${by === undefined ? "" : ` [${by}]`}`);
    lines.push(`#     ${flag === undefined ? "" : `[${flag}] `}"${detail.replaceAll("\n", "\n#     ")}"`);
  }
  if (entries.length === 0) lines.push("#   [no history recorded]", "#");
  else if (entries.length > 1) lines.push("# pre-expansion value:");
  if (entries.length !== 1) lines.push(`#   "${raw.replaceAll("\n", "\n#")}"`);
  return lines;
}

function describeFunction(d: Datastore, name: string): string[] {
  // Flags alone: an override variant, whose text is in the function it belongs to.
  if (d.getVar(name, { expand: false }) === undefined) return [];
  const { value, problem } = expanded(d, name);
  if (problem) return [`# expansion of ${name} threw ExpansionError: ${problem}`];
  // No shell has a function of such a name.
  if (/[-.{}+]/.test(name)) return [];
  const place = ["lineno", "filename"].map((flag) => pythonText(d.getVarFlag(name, flag) ?? "None"));
  return [
    `# line: ${place[0]}, file: ${place[1]}`,
    `${d.expand(name)}() {`,
    value.replace(/\n+$/, ""),
    "}",
    "",
  ];
}

function describePython(d: Datastore, name: string): string[] {
  if (d.getVar(name, { expand: false }) === undefined) return [];
  const body = textOf(d, name).replace(/\n$/, "");
  if (body.startsWith("def ")) return ["", body, ""];
  return ["", `python ${name} () {`, body, "}", ""];
}
