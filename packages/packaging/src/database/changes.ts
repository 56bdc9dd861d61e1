/** What became different between two databases. */
import { BuildError, byText } from "@tsbake/base";
import { baseChanged } from "../problems.js";
import type { InstallResult, LayerRequest } from "./backend.js";
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

/**
 * What an installation on a base has added to its database.
 *
 * @param solved what was asked for, for the chains
 * @throws BuildError `packaging/base-changed` where anything but what the request allows is another
 */
export function additions(
  { base, allowChanged }: Pick<LayerRequest, "base" | "allowChanged">,
  database: PackageDatabase,
  solved: readonly Change[],
): Pick<InstallResult, "changes" | "added"> {
  const known = new Map(solved.map((change) => [change.name, change]));
  const changes = databaseChanges(base, database).map((one) => ({
    ...one,
    chain: known.get(one.name)?.chain ?? [],
  }));
  const refused = changes.filter(({ kind, name }) => kind !== "added" && !allowChanged?.includes(name));
  if (refused.length > 0) throw new BuildError(refused.map(baseChanged));
  const fresh = new Set(
    changes.filter(({ kind }) => kind === "added").map((one) => `${one.name}:${one.architecture}`),
  );
  return {
    changes,
    added: database.packages.filter((one) => fresh.has(`${one.name}:${one.architecture}`)),
  };
}
