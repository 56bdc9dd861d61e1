/** Users and groups that files of an extension name: units, lines of tmpfiles.d, D-Bus, rules of udev. */
import type { ContentTree } from "../inspect/tree.js";
import { readTmpfiles, type TmpfilesLine } from "../../layer/tmpfiles.js";
import { udevLines } from "./udev.js";
import { hasSpecifier, readUnitSettings, valuesOf, type Unit } from "./units.js";

export interface NamedAccount {
  readonly kind: "user" | "group";
  readonly name: string;
  /** The file that names it. */
  readonly by: string;
  readonly word: string;
  /** Whether what has the file fails without it; else the line alone is passed over. */
  readonly isVital: boolean;
}

const UNIT_KEYS = {
  User: "user",
  Group: "group",
  SupplementaryGroups: "group",
  SocketUser: "user",
  SocketGroup: "group",
} as const;
/** With DynamicUser=yes these come into being with the service. */
const DYNAMIC: ReadonlySet<string> = new Set(["User", "Group"]);

const BUS_SERVICE = /^\/usr\/share\/dbus-1\/system-services\/[^/]+\.service$/;
const BUS_POLICY = /^(?:\/usr\/share|\/etc|\/usr\/share\/factory\/etc)\/dbus-1\/system\.d\/[^/]+\.conf$/;

/** A tmpfiles.d file of an extension. */
export interface TmpfilesFile {
  readonly path: string;
  readonly lines: readonly TmpfilesLine[];
}

/** Those that the tree ships below /usr; what is in /etc is the device's own. */
export function tmpfilesIn(tree: ContentTree): TmpfilesFile[] {
  return tree
    .below("/usr/lib/tmpfiles.d")
    .filter(({ path, kind }) => kind !== "directory" && path.endsWith(".conf"))
    .map(({ path }) => ({ path, lines: readTmpfiles(tree.text(path)) }));
}

/** What names them in an extension. */
interface Naming {
  readonly tree: ContentTree;
  readonly units: readonly Unit[];
  readonly tmpfiles: readonly TmpfilesFile[];
}

/** Users and groups by name, each with the file that names it. */
export function* namedAccounts(naming: Naming): Iterable<NamedAccount> {
  for (const one of allNamed(naming)) {
    // Numbers are nobody's name, and specifiers are the manager's.
    if (!/^\d+$/.test(one.name) && one.name !== "" && !hasSpecifier(one.name)) yield one;
  }
}

function* allNamed({ tree, units, tmpfiles }: Naming): Iterable<NamedAccount> {
  for (const unit of units) if (unit.manager === "system") yield* inUnit(unit);
  for (const { path, lines } of tmpfiles) {
    for (const { user, group, type } of lines) {
      const word = `the line of type ${type}`;
      if (user !== undefined) yield { kind: "user", name: user, by: path, word, isVital: true };
      if (group !== undefined) yield { kind: "group", name: group, by: path, word, isVital: true };
    }
  }
  for (const entry of tree.entries()) {
    if (entry.kind !== "file") continue;
    if (BUS_SERVICE.test(entry.path)) {
      for (const { value } of valuesOf(readUnitSettings(tree.textOf(entry), entry.path), "User"))
        yield { kind: "user", name: value, by: entry.path, word: "User=", isVital: true };
    } else if (BUS_POLICY.test(entry.path)) yield* inPolicy(tree.textOf(entry), entry.path);
  }
  for (const { path, assignments } of udevLines(tree)) {
    for (const { key, operator, value } of assignments) {
      if (operator !== "=" && operator !== ":=") continue;
      if (key === "OWNER") yield { kind: "user", name: value, by: path, word: "OWNER", isVital: false };
      if (key === "GROUP") yield { kind: "group", name: value, by: path, word: "GROUP", isVital: false };
    }
  }
}

function* inUnit({ settings }: Unit): Iterable<NamedAccount> {
  const [dynamic] = valuesOf(settings, "DynamicUser").slice(-1);
  const isDynamic = /^(1|yes|true|on|y|t)$/i.test(dynamic?.value ?? "");
  for (const [key, kind] of Object.entries(UNIT_KEYS)) {
    if (isDynamic && DYNAMIC.has(key)) continue;
    const values = valuesOf(settings, key);
    // Of one name the last counts; of groups all do.
    for (const { value, path } of key === "SupplementaryGroups" ? values : values.slice(-1))
      for (const name of value.split(/\s+/)) yield { kind, name, by: path, word: `${key}=`, isVital: true };
  }
}

function withoutComments(text: string): string {
  const pieces: string[] = [];
  let at = 0;
  for (let from = text.indexOf("<!--"); from >= 0; from = text.indexOf("<!--", at)) {
    pieces.push(text.slice(at, from));
    const end = text.indexOf("-->", from);
    if (end < 0) return pieces.join("");
    at = end + 3;
  }
  return pieces.join("") + text.slice(at);
}

/** @see dbus-daemon(1): a policy of somebody unknown is passed over */
function* inPolicy(text: string, by: string): Iterable<NamedAccount> {
  const plain = withoutComments(text);
  for (const [, kind = "", name = ""] of plain.matchAll(/<policy\s+(user|group)\s*=\s*["']([^"']*)["']/g))
    yield { kind: kind === "user" ? "user" : "group", name, by, word: "<policy>", isVital: false };
}
