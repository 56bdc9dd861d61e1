/** Programs that files of an extension name: units, D-Bus services, rules of udev, actions of polkit. */
import type { FileEntry } from "@tsbake/archive";
import type { ContentTree } from "../inspect/tree.js";
import { hasSpecifier, readUnitSettings, valuesOf, type Unit } from "./units.js";
import { udevLines, type UdevLine } from "./udev.js";

export interface NamedProgram {
  /** Absolute. */
  readonly program: string;
  /** The file that names it. */
  readonly by: string;
  /** With which word: `ExecStart=`, `RUN`. */
  readonly word: string;
  /** Whether what has the file does nothing without it. */
  readonly isVital: boolean;
}

/** Settings with command lines; those that start something are vital. */
const EXEC = [
  "ExecStartPre",
  "ExecStart",
  "ExecStartPost",
  "ExecReload",
  "ExecStop",
  "ExecStopPost",
  "ExecCondition",
];
const VITAL = new Set(["ExecStartPre", "ExecStart"]);
/** A unit with one of these is not started, or says itself what is missing, when a path is not there. */
const CONDITIONS =
  /^(Condition|Assert)(PathExists|PathExistsGlob|FileIsExecutable|FileNotEmpty|PathIsDirectory|DirectoryNotEmpty)$/;

const DBUS_SERVICE = /^\/usr\/share\/dbus-1\/(system-services|services)\/[^/]+\.service$/;
const POLKIT_ACTION = /^\/usr\/share\/polkit-1\/actions\/[^/]+\.policy$/;

/** Programs by path or name, each with the file that would start it. */
export function* namedPrograms(tree: ContentTree, units: readonly Unit[]): Iterable<NamedProgram> {
  for (const unit of units) yield* programsOfUnit(unit);
  for (const entry of tree.entries()) {
    if (entry.kind !== "file") continue;
    if (DBUS_SERVICE.test(entry.path)) yield* programsOfBusService(tree.textOf(entry), entry);
    else if (POLKIT_ACTION.test(entry.path)) yield* programsOfAction(tree.textOf(entry), entry);
  }
  for (const line of udevLines(tree)) yield* programsOfRule(line);
}

function* programsOfUnit({ settings }: Unit): Iterable<NamedProgram> {
  const conditions = new Set(
    settings.filter(({ key }) => CONDITIONS.test(key)).map(({ value }) => value.replace(/^[|!]+/, "")),
  );
  for (const key of EXEC) {
    for (const { value, path } of valuesOf(settings, key)) {
      const [, prefix = "", rest = ""] = /^([@\-:+!|]*)\s*(.*)$/s.exec(value) ?? [];
      const program = firstWord(rest);
      // `-`: that it fails is no failure of the unit.
      if (prefix.includes("-") || !program.startsWith("/") || hasSpecifier(program)) continue;
      if (conditions.has(program)) continue;
      yield { program, by: path, word: `${key}=`, isVital: VITAL.has(key) };
    }
  }
}

/** @see the D-Bus specification, "Message Bus Starting Services" */
function* programsOfBusService(text: string, { path }: FileEntry): Iterable<NamedProgram> {
  const settings = readUnitSettings(text, path);
  // systemd starts the unit instead.
  if (settings.some(({ key }) => key === "SystemdService")) return;
  for (const { value } of settings.filter(({ key }) => key === "Exec")) {
    const program = firstWord(value);
    if (program.startsWith("/")) yield { program, by: path, word: "Exec=", isVital: true };
  }
}

/** @see pkexec(1) */
function* programsOfAction(text: string, { path }: FileEntry): Iterable<NamedProgram> {
  for (const [, value = ""] of text.matchAll(
    /key="org\.freedesktop\.policykit\.exec\.path">\s*([^<\s]{1,4096})\s*</g,
  ))
    if (value.startsWith("/")) yield { program: value, by: path, word: "exec.path", isVital: false };
}

/** @see udev(7): a name without a slash is one below /usr/lib/udev */
function* programsOfRule({ path, assignments }: UdevLine): Iterable<NamedProgram> {
  const tested = new Set(assignments.filter(({ key }) => key === "TEST").map(({ value }) => value));
  for (const { key, attribute, operator, value } of assignments) {
    const isProgram = key === "PROGRAM" || (key === "IMPORT" && attribute === "program");
    const isRun = key === "RUN" && (attribute === "" || attribute === "program") && operator !== "-=";
    if (!isProgram && !isRun) continue;
    const word = firstWord(value);
    if (word === "" || hasSpecifier(word)) continue;
    const program = word.startsWith("/") ? word : `/usr/lib/udev/${word}`;
    if (!tested.has(program)) yield { program, by: path, word: key, isVital: false };
  }
}

/** Quotes around it taken off. */
function firstWord(text: string): string {
  const [, double, single, plain] = /^\s*(?:"([^"]*)"|'([^']*)'|(\S+))/.exec(text) ?? [];
  return double ?? single ?? plain ?? "";
}
