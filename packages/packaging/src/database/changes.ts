/** What became different between two databases. */
import { byText } from "@tsbake/base";
import type { Change } from "./change.js";
import type { InstalledPackage, PackageDatabase } from "./database.js";
import { compareDebVersions } from "../deb/version.js";

/** Sorted by name; a package whose stanza, files or scripts differ at one version counts as reinstalled. Without chains. */
export function databaseChanges(before: PackageDatabase, after: PackageDatabase): Change[] {
  const old = new Map(before.packages.map((one) => [`${one.name}:${one.architecture}`, one]));
  const changes: Change[] = [];
  for (const one of after.packages) {
    const key = `${one.name}:${one.architecture}`;
    const was = old.get(key);
    old.delete(key);
    const { name, architecture, version: to } = one;
    if (!was) changes.push({ kind: "added", name, architecture, to, chain: [] });
    else if (!isSame(was, one)) {
      const order = compareDebVersions(was.version, to);
      const kind = order < 0 ? "upgraded" : order > 0 ? "downgraded" : "reinstalled";
      changes.push({ kind, name, architecture, from: was.version, to, chain: [] });
    }
  }
  for (const { name, architecture, version: from } of old.values()) {
    changes.push({ kind: "removed", name, architecture, from, chain: [] });
  }
  return changes.sort(
    (left, right) => byText(left.name, right.name) || byText(left.architecture, right.architecture),
  );
}

function isSame(left: InstalledPackage, right: InstalledPackage): boolean {
  return (
    left.version === right.version &&
    left.state === right.state &&
    left.files.length === right.files.length &&
    left.files.every((path, at) => path === right.files[at]) &&
    isSameMap(left.stanza, right.stanza) &&
    isSameMap(left.control, right.control)
  );
}

function isSameMap(left: ReadonlyMap<string, string>, right: ReadonlyMap<string, string>): boolean {
  return left.size === right.size && [...left].every(([name, value]) => right.get(name) === value);
}
