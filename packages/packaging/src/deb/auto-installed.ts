/**
 * Which packages came only because others need them, as apt keeps it in /var/lib/apt/extended_states: what `apt-mark showauto`
 * lists and `apt autoremove` may take away. dpkg, which installs here, knows nothing of it.
 */
import { byText, readTextIfThere } from "@tsbake/base";
import { insideRoot } from "@tsbake/sandbox";
import type { InstalledPackage, PackageDatabase } from "../database/database.js";
import { parseRelations, parseStanzas } from "./stanza.js";

/** Below a root. */
export const EXTENDED_STATES = "var/lib/apt/extended_states";

/**
 * The file's text. What was asked for by name is manual, and so is what is essential, since apt gets `?essential` as a wish;
 * everything else is automatic.
 *
 * @param wanted as given to apt: `name`, `name=version`, `name:arch`, `name/release`, `-name`
 */
export function extendedStates(database: PackageDatabase, wanted: readonly string[]): string {
  return statesText(automatic(database, wanted), database);
}

/**
 * The file's text after packages came and went: what was automatic stays so unless it was asked for now, and what is new is as of
 * {@link extendedStates}.
 *
 * @param before names that were automatic
 */
export function statesAfter(
  before: ReadonlySet<string>,
  database: PackageDatabase,
  { added, wanted }: { readonly added: readonly InstalledPackage[]; readonly wanted: readonly string[] },
): string {
  const fresh = new Set(added.map(({ name }) => name));
  const kept = automatic(database, wanted).filter(({ name }) => fresh.has(name) || before.has(name));
  return statesText(kept, database);
}

/** Names of packages that are automatic in a root; none where apt keeps nothing. */
export async function readAutomatic(root: string): Promise<ReadonlySet<string>> {
  const text = (await readTextIfThere(await insideRoot(root).follow(EXTENDED_STATES))) ?? "";
  const automaticOnes = parseStanzas(text).stanzas.filter((stanza) => stanza.get("Auto-Installed") === "1");
  return new Set(automaticOnes.flatMap((stanza) => stanza.get("Package") ?? []));
}

function statesText(packages: readonly InstalledPackage[], database: PackageDatabase): string {
  return packages
    .map(({ name, architecture }) => ({
      name,
      // apt keeps packages for all architectures under the native one.
      architecture: architecture === "all" ? database.architecture : architecture,
    }))
    .sort((left, right) => byText(left.name, right.name) || byText(left.architecture, right.architecture))
    .map((one) => `Package: ${one.name}\nArchitecture: ${one.architecture}\nAuto-Installed: 1\n\n`)
    .join("");
}

/** Packages that nobody asked for. @param wanted as of {@link extendedStates} */
export function automatic(database: PackageDatabase, wanted: readonly string[]): InstalledPackage[] {
  const names = new Set(
    wanted.filter((word) => !/^-|-$/.test(word)).map((word) => word.replace(/[=/:].*$|\+$/, "")),
  );
  const known = new Set(database.packages.map(({ name }) => name));
  const isManual = (one: InstalledPackage): boolean =>
    names.has(one.name) ||
    one.stanza.get("Essential") === "yes" ||
    // A virtual name stands for whoever provides it.
    parseRelations(one.stanza.get("Provides"))
      .flat()
      .some(({ name }) => names.has(name) && !known.has(name));
  return database.packages.filter((one) => one.state === "installed" && !isManual(one));
}
