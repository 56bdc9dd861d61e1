/** What an installation into an empty root has in common, whatever the format of its packages. */
import { lstatSync } from "node:fs";
import { mkdir, symlink, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { AT_ONCE, BuildError, eachLimited, hasCode, sha256File } from "@tsbake/base";
import type { InstallResult, Planned, Solution } from "../database/backend.js";
import { databaseChanges } from "../database/changes.js";
import type { PackageDatabase } from "../database/database.js";
import { badDeb, installFailed } from "../problems.js";
import { DPKG_FOLDER } from "./database.js";
import { parseRelations, parseStanzas } from "./stanza.js";

/** What goes into a root is what was signed: the pool may have changed since the download. */
export async function verify(packages: readonly Planned[]): Promise<void> {
  const digests = await eachLimited(packages, AT_ONCE, ({ path }) =>
    sha256File(path).catch((error: unknown) => {
      if (hasCode(error, "ENOENT")) return "missing";
      throw error;
    }),
  );
  const wrong = packages.flatMap((one, at) =>
    digests[at] === one.sha256
      ? []
      : [
          badDeb(
            one.path,
            digests[at] === "missing" ? "it is not there" : "its SHA-256 is not what its index says",
          ),
        ],
  );
  if (wrong.length > 0) throw new BuildError(wrong);
}

/** `Essential: yes` and what these need: what every script may use. */
export function essentialOf(packages: readonly Planned[]): Planned[] {
  const byName = new Map<string, Planned>();
  const stanzas = new Map(packages.map((one) => [one, parseStanzas(one.stanza).stanzas[0]]));
  for (const one of packages) {
    const provides = parseRelations(stanzas.get(one)?.get("Provides")).flat();
    for (const { name } of [{ name: one.name }, ...provides]) if (!byName.has(name)) byName.set(name, one);
  }
  const wanted = new Set(packages.filter((one) => stanzas.get(one)?.get("Essential") === "yes"));
  for (const one of wanted) {
    const stanza = stanzas.get(one);
    for (const { name } of [
      ...parseRelations(stanza?.get("Pre-Depends")),
      ...parseRelations(stanza?.get("Depends")),
    ].flat()) {
      const needed = byName.get(name);
      // A Set's own loop also visits what is added while it runs.
      if (needed) wanted.add(needed);
    }
  }
  return packages.filter((one) => wanted.has(one));
}

/** Folders of the root that are links into /usr, as debootstrap makes them (merged /usr). */
export function mergedFolders(architecture: string): string[] {
  const wide =
    architecture === "amd64"
      ? ["lib32", "lib64", "libx32"]
      : architecture === "i386"
        ? ["lib64", "libx32"]
        : [];
  return ["bin", "sbin", "lib", ...wide];
}

/** Those of them that are links in this root. */
export function linkedFolders(root: string, architecture: string): string[] {
  return mergedFolders(architecture).filter((name) =>
    lstatSync(join(root, name), { throwIfNoEntry: false })?.isSymbolicLink(),
  );
}

/** What a root has before any package: links into /usr, and an empty database of dpkg. */
export async function makeFrame(root: string, merged: readonly string[]): Promise<void> {
  for (const name of merged) {
    await mkdir(join(root, "usr", name), { recursive: true });
    await symlink(`usr/${name}`, join(root, name));
  }
  const database = join(root, DPKG_FOLDER);
  for (const name of ["info", "updates", "triggers", "alternatives", "parts"]) {
    await mkdir(join(database, name), { recursive: true });
  }
  for (const name of ["status", "available"]) await writeFile(join(database, name), "");
}

/** @throws BuildError `packaging/install-failed` with packages that are not */
export function demandInstalled({ packages }: PackageDatabase): void {
  const unfinished = packages.filter(({ state }) => state !== "installed");
  if (unfinished.length === 0) return;
  const which = unfinished.slice(0, 10).map(({ name, state }) => `\`${name}\` is only ${state}`);
  throw new BuildError([installFailed(which.join(", "), "")]);
}

/**
 * The result of an installation after which all packages of the root are new.
 *
 * @param changes those of the solution; none: all packages have come
 * @throws BuildError `packaging/install-failed` with packages that are not installed
 */
export function wholeInstall(
  changes: Solution["changes"],
  database: PackageDatabase,
  warnings: readonly string[],
): InstallResult {
  demandInstalled(database);
  const empty = { ...database, packages: [] };
  return {
    changes: changes.length > 0 ? changes : databaseChanges(empty, database),
    database,
    added: database.packages,
    skippedScripts: [],
    warnings,
  };
}
