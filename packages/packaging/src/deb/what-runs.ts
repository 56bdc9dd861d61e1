/**
 * What runs when packages are installed on a base: maintainer scripts of their own, and triggers that they activate in the base.
 *
 * @see Debian Policy 6.5 (which script runs when), deb-triggers(5)
 */
import { sortedUnique } from "@tsbake/base";
import type { InstalledPackage, PackageDatabase } from "../database/database.js";
import type { Solution } from "../database/backend.js";
import { readControls } from "../contents/index.js";
import { activations, firesOn, interestsOf, type Trigger } from "./triggers.js";

/** Those that run when a package comes; prerm and postrm run when it goes. */
const SCRIPTS = ["preinst", "postinst", "config"] as const;

/** The loader's cache is the device's own: no extension ships one, and what lies in its default folders is found without. */
const IGNORED_TRIGGERS = new Set(["ldconfig"]);

/**
 * What is known before anything is unpacked: scripts, named triggers, and packages of the base that others replace.
 *
 * @returns `PACKAGE: WHAT`, sorted
 * @throws BuildError `packaging/bad-deb`
 */
export async function whatRuns(
  { packages, changes }: Solution,
  base: Pick<PackageDatabase, "triggers">,
): Promise<string[]> {
  const replaced = changes
    .filter(({ kind }) => kind !== "added")
    .map(({ name, kind }) => `${name}: the base's is ${kind}`);
  const interests = new Set(watchedIn(base).map(({ name }) => name));
  const controls = await readControls(packages);
  const found = packages.flatMap(({ name }, at) => {
    const control = controls[at]!;
    const scripts = SCRIPTS.filter((script) => control.has(script));
    const triggers = control.get("triggers")?.bytes.toString("utf8") ?? "";
    const fired = activations(triggers.split("\n")).filter((trigger) => interests.has(trigger.name));
    return [...scripts, ...fired.map((trigger) => `trigger ${trigger.name}`)].map(
      (what) => `${name}: ${what}`,
    );
  });
  return sortedUnique([...replaced, ...found]);
}

/**
 * What only the paths of packages say: triggers of the base on a file or folder that something new lies at or below.
 *
 * @returns `PACKAGE: WHAT`, sorted
 */
export function whatFires(
  added: readonly InstalledPackage[],
  base: Pick<PackageDatabase, "triggers">,
): string[] {
  const watched = watchedIn(base);
  const fired = added.flatMap(({ name, files }) =>
    watched.filter((trigger) => firesOn(trigger, files)).map((trigger) => `${name}: trigger ${trigger.name}`),
  );
  return sortedUnique(fired);
}

function watchedIn(base: Pick<PackageDatabase, "triggers">): Trigger[] {
  return interestsOf(base).filter(({ name }) => !IGNORED_TRIGGERS.has(name));
}
