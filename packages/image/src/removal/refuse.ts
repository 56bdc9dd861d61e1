/** What is asked of a template and cannot be, said before anything is unpacked. */
import { BuildError, nearest } from "@tsbake/base";
import type { Change, InstalledPackage } from "@tsbake/packaging";
import { directNeeds } from "../facts/closure.js";
import * as problems from "../problems.js";

/** What a recipe asks for. */
export interface Wishes {
  /** The recipe of the base. */
  readonly baseName: string;
  /** As given to apt: `name`, `name=version`. */
  readonly install: readonly string[];
  readonly remove: readonly string[];
  /** Packages of the base that may come in another version. */
  readonly allowChanged: readonly string[];
}

/** Packages of a base. */
type Installed = readonly InstalledPackage[];

/** @throws BuildError `image/cannot-remove`, one diagnostic a name */
export function refuseNames({ baseName, install, remove }: Wishes, base: Installed): void {
  const byName = new Map(base.map((one) => [one.name, one]));
  const wanted = new Set(install.map((word) => word.replace(/[=/:].*$/, "")));
  const found = remove.flatMap((name) => {
    const one = byName.get(name);
    if (one === undefined)
      return [problems.cannotRemove(name, { base: baseName, near: nearest(name, byName.keys()) })];
    if (wanted.has(name)) return [problems.cannotRemove(name, "wanted")];
    const isEssential = ["Essential", "Protected"].some((field) => one.stanza.get(field) === "yes");
    return isEssential ? [problems.cannotRemove(name, "essential")] : [];
  });
  if (found.length > 0) throw new BuildError(found);
}

/**
 * Of what would become of packages of the base, only what was asked for by name may.
 *
 * @param changes with the chains that ask for them
 * @throws BuildError `image/still-needed`, `image/template-changed`
 */
export function refuseChanges(
  { baseName, remove, allowChanged }: Wishes,
  base: Installed,
  changes: readonly Change[],
): void {
  const mayGo = new Set(remove);
  const mayChange = new Set(allowChanged);
  const gone = changes.filter(({ kind, name }) => kind === "removed" && !mayGo.has(name));
  const chains = chainsTo(mayGo, base);
  const needing = gone.flatMap(({ name }) => [chains.get(name) ?? []]).filter(({ length }) => length > 0);
  if (needing.length > 0) throw new BuildError([problems.stillNeeded(needing)]);
  const other = changes.filter(
    ({ kind, name }) => kind !== "added" && kind !== "removed" && !mayChange.has(name),
  );
  const found = [...gone, ...other].map((change) => problems.templateChanged(change, baseName));
  if (found.length > 0) throw new BuildError(found);
}

/**
 * What a package manager says that finds no way: where that is a package that is to go, the chains say it shorter.
 *
 * @param error what solving threw
 * @throws BuildError `image/still-needed`, or `error`
 */
export function explainUnsolvable(error: unknown, { remove }: Wishes, base: Installed): never {
  if (error instanceof BuildError) {
    const said = error.diagnostics.map(({ help = "" }) => help).join("\n");
    const missed = remove.filter((name) => said.includes(`: ${name} `));
    const chains = [...chainsTo(new Set(missed), base).values()];
    if (missed.length > 0 && chains.length > 0) throw new BuildError([problems.stillNeeded(chains)]);
  }
  throw error;
}

/** By name of each package that needs one of `targets`, however far away: the shortest way there, its own name first. */
function chainsTo(targets: ReadonlySet<string>, base: Installed): ReadonlyMap<string, readonly string[]> {
  const needs = directNeeds(base);
  const needed = new Map<string, string[]>();
  for (const one of base)
    for (const { name } of needs(one)) needed.set(name, [...(needed.get(name) ?? []), one.name]);
  const chains = new Map<string, readonly string[]>([...targets].map((name) => [name, [name]]));
  // A Map's own loop also visits what is added while it runs.
  for (const [name, chain] of chains)
    for (const asker of needed.get(name) ?? []) if (!chains.has(asker)) chains.set(asker, [asker, ...chain]);
  for (const name of targets) chains.delete(name);
  return chains;
}
