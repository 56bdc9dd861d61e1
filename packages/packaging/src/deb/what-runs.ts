/**
 * What runs when packages are installed on a base: maintainer scripts of their own, and triggers that they activate in the base.
 *
 * @see Debian Policy 6.5 (which script runs when), deb-triggers(5)
 */
import { AT_ONCE, eachLimited, sortedUnique } from "@tsbake/base";
import type { InstalledPackage, PackageDatabase } from "../database/database.js";
import type { Solution } from "../database/backend.js";
import { readControl } from "./file.js";
import type { ControlMembers } from "./file.js";

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
  const interests = new Set(interestsOf(base).map(({ trigger }) => trigger));
  const found = await eachLimited(packages, AT_ONCE, async ({ name, path }) => {
    const members = await readControl(path);
    const scripts = SCRIPTS.filter((script) => members.has(script));
    const fired = activations(members).filter((trigger) => interests.has(trigger));
    return [...scripts, ...fired.map((trigger) => `trigger ${trigger}`)].map((what) => `${name}: ${what}`);
  });
  return sortedUnique([...replaced, ...found.flat()]);
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
  const watched = interestsOf(base).flatMap(({ trigger }) => (trigger.startsWith("/") ? [trigger] : []));
  const fired = added.flatMap(({ name, files }) =>
    watched
      .filter((path) => files.some((file) => file === path || file.startsWith(`${path}/`)))
      .map((path) => `${name}: trigger ${path}`),
  );
  return sortedUnique(fired);
}

/** `triggers/File` has a path and a package a line; any other file is named like its trigger and has a package a line. */
function interestsOf({ triggers }: Pick<PackageDatabase, "triggers">): { trigger: string }[] {
  return triggers.flatMap((entry) => {
    const [file = "", line = ""] = entry.split("\t");
    const trigger = file === "File" ? (line.split(" ")[0] ?? "") : file;
    return trigger === "" || IGNORED_TRIGGERS.has(trigger) ? [] : [{ trigger }];
  });
}

function activations(members: ControlMembers): string[] {
  const lines = members.get("triggers")?.toString("utf8").split("\n") ?? [];
  return lines.flatMap((line) => {
    const [directive = "", trigger] = line.trim().split(/\s+/);
    return directive.startsWith("activate") && trigger !== undefined ? [trigger] : [];
  });
}
