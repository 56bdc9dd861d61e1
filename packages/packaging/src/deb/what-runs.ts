/**
 * What runs when packages are installed on a base: maintainer scripts of their own, and triggers that they activate in the base.
 *
 * @see Debian Policy 6.5 (which script runs when), deb-triggers(5)
 */
import { availableParallelism } from "node:os";
import { BuildError, sortedUnique } from "@tsbake/base";
import type { Sandbox } from "@tsbake/sandbox";
import type { InstalledPackage, PackageDatabase } from "../database/database.js";
import type { Solution } from "../database/backend.js";
import { badDeb } from "../problems.js";
import { activations, firesOn, interestsOf, type Trigger } from "./triggers.js";

/** Those that run when a package comes; prerm and postrm run when it goes. */
const SCRIPTS = ["preinst", "postinst", "config"] as const;

/** The loader's cache is the device's own: no extension ships one, and what lies in its default folders is found without. */
const IGNORED_TRIGGERS = new Set(["ldconfig"]);

/**
 * $1: number; $2: package file. Writes the number, the names of its control members and the lines of `triggers`, a line each, and a
 * line `.`; all at once, since several do so side by side. One process of ours for all packages: forking a big one takes long.
 */
const LIST = `
names=$(dpkg-deb --ctrl-tarfile "$2" | tar -tf -) || exit 255
triggers=
for member in $names; do
    case $member in
    triggers | ./triggers) triggers=$(dpkg-deb --ctrl-tarfile "$2" | tar -xOf - "$member") || exit 255 ;;
    esac
done
printf '%s\\n%s\\n\\n%s\\n.\\n' "$1" "$names" "$triggers"
`;

/**
 * What is known before anything is unpacked: scripts, named triggers, and packages of the base that others replace.
 *
 * @returns `PACKAGE: WHAT`, sorted
 * @throws BuildError `packaging/bad-deb`
 */
export async function whatRuns(
  { packages, changes }: Solution,
  base: Pick<PackageDatabase, "triggers">,
  sandbox: Sandbox,
): Promise<string[]> {
  const replaced = changes
    .filter(({ kind }) => kind !== "added")
    .map(({ name, kind }) => `${name}: the base's is ${kind}`);
  const interests = new Set(watchedIn(base).map(({ name }) => name));
  const members = await controlMembers(
    packages.map(({ path }) => path),
    sandbox,
  );
  const found = packages.flatMap(({ name }, at) => {
    const { names, triggers } = members[at]!;
    const scripts = SCRIPTS.filter((script) => names.has(`./${script}`) || names.has(script));
    const fired = activations(triggers).filter((trigger) => interests.has(trigger.name));
    return [...scripts, ...fired.map((trigger) => `trigger ${trigger.name}`)].map(
      (what) => `${name}: ${what}`,
    );
  });
  return sortedUnique([...replaced, ...found]);
}

interface Members {
  readonly names: ReadonlySet<string>;
  /** Lines of the member `triggers`. */
  readonly triggers: readonly string[];
}

async function controlMembers(paths: readonly string[], sandbox: Sandbox): Promise<readonly Members[]> {
  if (paths.length === 0) return [];
  const args = ["-0", "-n", "2", "-P", String(availableParallelism()), "sh", "-c", LIST, "list"];
  const input = paths.map((path, at) => `${at}\0${path}\0`).join("");
  const done = await sandbox.run("xargs", args, { input, mayFail: true });
  const members: Members[] = [];
  for (const block of done.stdout.split("\n.\n").slice(0, -1)) {
    const [head = "", triggers = ""] = block.split("\n\n");
    const [at, ...names] = head.split("\n");
    members[Number(at)] = { names: new Set(names), triggers: triggers.split("\n") };
  }
  const missing = paths.find((_, at) => members[at] === undefined);
  if (done.code !== 0 || missing !== undefined)
    throw new BuildError([
      badDeb(missing ?? paths[0]!, done.stderr.trim() || "its control member cannot be read"),
    ]);
  return members;
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
