/**
 * Triggers of Debian packages, which dpkg would have served: `postinst triggered` of each package that is interested in a name that
 * another one activates, or in a path that another one brings. @see deb-triggers(5)
 */
import { readFile } from "node:fs/promises";
import { join } from "node:path";
import { BuildError, byText, ifThere, nameOf, sortedUnique, words } from "@tsbake/base";
import type { InstallRequest, Planned } from "../database/backend.js";
import type { PackageDatabase } from "../database/database.js";
import { DPKG_FOLDER } from "../deb/database.js";
import { activations, firesOn } from "../deb/triggers.js";
import { installFailed } from "../problems.js";
import { INFO_FOLDER } from "./scriptlets.js";

type TriggerRequest = Pick<InstallRequest, "root" | "sandbox" | "epochSeconds"> & {
  /** Where this process finds the root. */
  readonly seenRoot?: string;
  /** Packages of which paths and activations count; default: all. */
  readonly fresh?: readonly Pick<Planned, "name">[];
};

/** @throws BuildError `packaging/install-failed` */
export async function runTriggers(request: TriggerRequest, database: PackageDatabase): Promise<void> {
  const { root, sandbox, epochSeconds } = request;
  const fired = await firedIn(request, database);
  for (const [name, triggers] of fired) {
    const env = {
      SOURCE_DATE_EPOCH: String(epochSeconds),
      LC_ALL: "C.UTF-8",
      DEBIAN_PRIORITY: "critical",
      DEBIAN_FRONTEND: "noninteractive",
      DPKG_MAINTSCRIPT_PACKAGE: name,
      DPKG_MAINTSCRIPT_NAME: "postinst",
      DPKG_ADMINDIR: `/${DPKG_FOLDER}`,
      DPKG_ROOT: "",
    };
    const script = `${INFO_FOLDER}/${name}.postinst`;
    const args = [root, script, "triggered", triggers.join(" ")];
    const done = await sandbox.run("chroot", args, { mayFail: true, env });
    if (done.code === 0) continue;
    const cause = `the trigger ${triggers.join(", ")} of \`${name}\` ended with ${done.code ?? done.signal}`;
    throw new BuildError([installFailed(cause, `${done.stdout}\n${done.stderr}`, "it")]);
  }
}

/** Names of triggers by the package that is interested, sorted. */
async function firedIn(request: TriggerRequest, database: PackageDatabase): Promise<Map<string, string[]>> {
  const folder = join(request.seenRoot ?? request.root, INFO_FOLDER);
  const fresh = new Set((request.fresh ?? database.packages).map(({ name }) => name));
  const added = database.packages.filter(({ name }) => fresh.has(name));
  const named = new Set<string>();
  for (const { name, control } of added) {
    if (!control.has("triggers")) continue;
    const text = nameOf(await readFile(join(folder, `${name}.triggers`)));
    for (const trigger of activations(text.split("\n"))) named.add(trigger.name);
  }
  // What dpkg-trigger has noted for dpkg: a name and who waits.
  const noted = await ifThere(
    readFile(join(request.seenRoot ?? request.root, DPKG_FOLDER, "triggers/Unincorp"), "utf8"),
  );
  for (const line of noted?.split("\n") ?? []) {
    const [name] = words(line);
    if (name !== undefined) named.add(name);
  }
  const paths = added.flatMap(({ files }) => files);
  const found = new Map<string, string[]>();
  for (const entry of database.triggers) {
    const [file = "", line = ""] = entry.split("\t");
    const [trigger = "", who = line] = file === "File" ? line.split(" ") : [file, line];
    if (!named.has(trigger) && !firesOn({ name: trigger, isAwaited: false }, paths)) continue;
    const name = who.replace(/\/noawait$/, "");
    found.set(name, sortedUnique([...(found.get(name) ?? []), trigger]));
  }
  return new Map([...found].sort(([left], [right]) => byText(left, right)));
}
