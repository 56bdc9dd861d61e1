/**
 * Unit files of systemd: sections, settings in their order, continued lines.
 *
 * @see systemd.syntax(7), systemd.unit(5)
 */
import { byText } from "@tsbake/base";
import type { ContentTree } from "../inspect/tree.js";

export interface Setting {
  readonly section: string;
  readonly key: string;
  readonly value: string;
  /** The file that has it. */
  readonly path: string;
}

/** One unit of an extension, with its drop-ins. */
export interface Unit {
  /** `foo.service`. */
  readonly name: string;
  /** Whose manager: a unit of users is not seen by the system's. */
  readonly manager: "system" | "user";
  /** The unit's own file; absent when the extension has drop-ins of it only. */
  readonly path?: string;
  readonly settings: readonly Setting[];
}

/** Where units are, in a confext, too, and where lines of tmpfiles.d copy them from. */
const UNIT =
  /^(?:\/usr\/lib|\/etc|\/usr\/share\/factory\/etc)\/systemd\/(system|user)\/([^/]+)(\.d\/[^/]+\.conf)?$/;

/** The units of a tree, sorted by name. Links (enabled units, aliases, masks) are none of their own. */
export function readUnits(tree: ContentTree): Unit[] {
  const units = new Map<
    string,
    { name: string; manager: "system" | "user"; path?: string; settings: Setting[] }
  >();
  for (const entry of tree.entries()) {
    const [, manager, name, dropIn] = UNIT.exec(entry.path) ?? [];
    if (name === undefined || entry.kind !== "file" || !/\.[a-z]+$/.test(name)) continue;
    const owner = manager === "user" ? "user" : "system";
    const key = `${owner} ${name}`;
    const unit = units.get(key) ?? { name, manager: owner, settings: [] };
    if (dropIn === undefined) unit.path = entry.path;
    unit.settings.push(...readUnitSettings(tree.textOf(entry), entry.path));
    units.set(key, unit);
  }
  return [...units.values()].sort((left, right) => byText(left.name, right.name));
}

/** Lines of a file in the manner of units: `[Section]`, `Key=Value`, a backslash at the end of what goes on. */
export function readUnitSettings(text: string, path: string): Setting[] {
  const settings: Setting[] = [];
  let section = "";
  let begun = "";
  for (const raw of text.split("\n")) {
    const line = begun === "" ? raw.trim() : raw.trimEnd();
    // Comments may stand between the lines of one.
    if (/^\s*[#;]/.test(line)) continue;
    if (line.endsWith("\\")) {
      begun += `${line.slice(0, -1)} `;
      continue;
    }
    const whole = begun + line;
    begun = "";
    const [, head] = /^\[(.*)\]$/.exec(whole) ?? [];
    if (head !== undefined) section = head;
    const [, key, value] = /^([A-Za-z0-9-]+)\s*=\s*(.*)$/s.exec(whole) ?? [];
    if (head === undefined && key !== undefined)
      settings.push({ section, key, value: (value ?? "").trim(), path });
  }
  return settings;
}

/** Values of a setting that count: an empty one takes those before away. */
export function valuesOf(settings: readonly Setting[], key: string): Setting[] {
  let values: Setting[] = [];
  for (const one of settings) {
    if (one.key !== key) continue;
    values = one.value === "" ? [] : [...values, one];
  }
  return values;
}

/** A word with a specifier, which only the running manager knows. */
export function hasSpecifier(word: string): boolean {
  return word.includes("%") || word.includes("$");
}
