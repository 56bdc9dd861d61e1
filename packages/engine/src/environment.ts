/** `tsbake -e`: every variable of a datastore with its history, its value, and the functions; laid out as `bitbake -e` does. */
import { BuildError, byText } from "@tsbake/base";
import { pythonText } from "@tsbake/datastore";
import type { Datastore, HistoryEntry } from "@tsbake/datastore";

function textOf(d: Datastore, name: string): string {
  const value = d.getVar(name, { expand: false });
  return value === undefined ? "" : pythonText(value);
}

/** Names that are bookkeeping, not metadata. */
function isInternal(name: string): boolean {
  return name.startsWith("__") || name.startsWith("_");
}

/** The whole text, ending in a newline. A value that cannot be expanded is shown unexpanded, with the reason. */
export function describeEnvironment(d: Datastore): string {
  const names = [...d.keys()].filter((name) => !isInternal(name)).sort(byText);
  const isFunction = (name: string) => d.getVarFlag(name, "func", { expand: false }) !== undefined;
  const isPython = (name: string) => Boolean(d.getVarFlag(name, "python", { expand: false }));
  const functions = names.filter(isFunction);
  return [
    ...names.filter((name) => !isFunction(name)).flatMap((name) => describeVariable(d, name)),
    ...functions.filter((name) => !isPython(name)).flatMap((name) => describeFunction(d, name)),
    ...functions.filter(isPython).flatMap((name) => describePython(d, name)),
  ].join("\n");
}

function describeVariable(d: Datastore, name: string): string[] {
  const raw = d.getVar(name, { expand: false });
  // Objects of metadata Python have no text that a person could use.
  if (raw === undefined || (typeof raw === "object" && raw !== null && !Array.isArray(raw))) return [];
  const { value, problem } = expanded(d, name);
  const lines = historyLines(name, d.history(name));
  if (typeof raw === "string" && raw !== value) lines.push("# pre-expansion value:", `#   "${raw}"`);
  if (problem) lines.push(`# not expanded: ${problem}`);
  const isExported =
    d.getVarFlag(name, "export") !== undefined && d.getVarFlag(name, "unexport") === undefined;
  if (d.getVarFlag(name, "unexport") !== undefined) lines.push(`unset ${name}`);
  else lines.push(`${isExported ? "export " : ""}${name}="${quote(value)}"`);
  return [...lines, ""];
}

function expanded(d: Datastore, name: string): { value: string; problem?: string } {
  try {
    return { value: d.getText(name) ?? "" };
  } catch (error) {
    if (!(error instanceof BuildError)) throw error;
    const problem = error.diagnostics.map((one) => one.message.split("\n")[0]).join("; ");
    return { value: textOf(d, name), problem };
  }
}

function quote(value: string): string {
  return value.replaceAll('"', '\\"').replaceAll("\n", " \\\n");
}

function historyLines(name: string, history: readonly HistoryEntry[]): string[] {
  const lines = ["#", `# $${name}${history.length > 1 ? ` [${history.length} operations]` : ""}`];
  for (const one of history) {
    lines.push(`#   ${one.operation} ${one.file}:${one.line}`);
    if (one.flag !== undefined)
      lines.push(`#     [${one.flag}] "${one.detail.replaceAll("\n", "\n#     ")}"`);
    else lines.push(`#     "${one.detail.replaceAll("\n", "\n#     ")}"`);
  }
  return lines;
}

function describeFunction(d: Datastore, name: string): string[] {
  const { value, problem } = expanded(d, name);
  return [
    ...(problem ? [`# not expanded: ${problem}`] : []),
    `${name}() {`,
    value.replace(/\n$/, ""),
    "}",
    "",
  ];
}

function describePython(d: Datastore, name: string): string[] {
  const body = textOf(d, name).replace(/\n$/, "");
  if (body.startsWith("def ")) return [body, ""];
  return [`python ${name} () {`, body, "}", ""];
}
