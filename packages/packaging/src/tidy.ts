/** Takes out of a fresh root what differs between two installs of the same packages. */
import { readdir, rm, truncate } from "node:fs/promises";
import { join } from "node:path";
import { BuildError, hasCode } from "@tsbake/base";
import { DPKG_FOLDER } from "./deb-database.js";
import { commandFailed } from "./problems.js";
import type { Sandbox } from "./sandbox.js";

/** Logs of the install itself, backups, locks, caches that are made again, and identities that each machine gets at its first boot. */
const REMOVED = [
  "var/log/dpkg.log",
  "var/log/alternatives.log",
  "var/log/bootstrap.log",
  "var/log/apt",
  "var/cache/ldconfig/aux-cache",
  "var/cache/debconf/config.dat-old",
  "var/cache/debconf/templates.dat-old",
  "var/cache/debconf/passwords.dat-old",
  "var/lib/systemd/random-seed",
  "var/lib/systemd/credential.secret",
  "var/lib/dbus/machine-id",
  "etc/.pwd.lock",
  ...[
    "lock",
    "lock-frontend",
    "triggers/Lock",
    "status-old",
    "diversions-old",
    "statoverride-old",
    "available-old",
  ].map((name) => `${DPKG_FOLDER}/${name}`),
];
const EMPTIED = ["etc/machine-id", `${DPKG_FOLDER}/available`];

/** What an install leaves behind and two installs would not have in common. */
export async function tidyRoot(root: string): Promise<void> {
  for (const path of REMOVED) await rm(join(root, path), { recursive: true, force: true });
  for (const path of EMPTIED) {
    await truncate(join(root, path)).catch((error: unknown) => {
      if (!hasCode(error, "ENOENT")) throw error;
    });
  }
  for (const name of await readdir(join(root, "var/cache/apt")).catch(() => [])) {
    if (name.endsWith(".bin")) await rm(join(root, "var/cache/apt", name), { force: true });
  }
}

/** No file, folder or link below `root` stays younger than `epochSeconds`. */
export async function clampTimes(sandbox: Sandbox, root: string, epochSeconds: number): Promise<void> {
  const newer = ["-newermt", `@${epochSeconds}`];
  const touch = ["-exec", "touch", "--no-dereference", `--date=@${epochSeconds}`, "{}", "+"];
  const done = await sandbox.run("find", [root, "-xdev", ...newer, ...touch]);
  if (done.code !== 0) throw new BuildError([commandFailed("find", done)]);
}
