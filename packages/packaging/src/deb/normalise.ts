/** Takes out of a fresh root what differs between two installs of the same packages. All of it as (fake) root. */
import { BuildError } from "@tsbake/base";
import { DPKG_FOLDER } from "./database.js";
import { commandFailed } from "@tsbake/sandbox";
import type { Sandbox } from "@tsbake/sandbox";

/** Logs of the install itself, backups, locks, caches that are made again, and identities that each machine gets at its first boot. */
const REMOVED = [
  "var/log/dpkg.log",
  "var/log/alternatives.log",
  "var/log/bootstrap.log",
  "var/log/apt",
  "var/cache/apt/pkgcache.bin",
  "var/cache/apt/srcpkgcache.bin",
  "var/cache/ldconfig/aux-cache",
  "var/cache/debconf/config.dat-old",
  "var/cache/debconf/templates.dat-old",
  "var/cache/debconf/passwords.dat-old",
  "var/lib/systemd/random-seed",
  "var/lib/systemd/credential.secret",
  "var/lib/dbus/machine-id",
  "etc/.pwd.lock",
  "etc/ld.so.cache~",
];
const OF_DATABASE = [
  "lock",
  "lock-frontend",
  "triggers/Lock",
  "status-old",
  "diversions-old",
  "statoverride-old",
  "available-old",
];
const EMPTIED = ["etc/machine-id", `${DPKG_FOLDER}/available`];

/** $1: root; paths to empty, `--`, paths to remove. A link is never followed out of the root: only plain files are emptied. */
const TIDY = `
set -eu
cd "$1"
shift
while [ "$1" != -- ]; do
    if [ -f "$1" ] && [ ! -L "$1" ]; then : >"$1"; fi
    shift
done
shift
rm -rf -- "$@"
`;

/** What an install leaves behind and two installs would not have in common. @throws BuildError `sandbox/command-failed` */
export async function tidyRoot(sandbox: Sandbox, root: string): Promise<void> {
  const removed = [...REMOVED, ...OF_DATABASE.map((name) => `${DPKG_FOLDER}/${name}`)];
  const done = await sandbox.run("sh", ["-c", TIDY, "tidy", root, ...EMPTIED, "--", ...removed]);
  if (done.code !== 0) throw new BuildError([commandFailed("sh", done)]);
}

/**
 * No file or link below `root` stays younger than `epochSeconds`, and every folder gets that time: a folder's own says only
 * in which order packages came. @throws BuildError `sandbox/command-failed`
 */
export async function clampTimes(sandbox: Sandbox, root: string, epochSeconds: number): Promise<void> {
  const chosen = ["(", "-type", "d", "-o", "-newermt", `@${epochSeconds}`, ")"];
  const touch = ["-exec", "touch", "--no-dereference", `--date=@${epochSeconds}`, "{}", "+"];
  const done = await sandbox.run("find", [root, "-xdev", ...chosen, ...touch]);
  if (done.code !== 0) throw new BuildError([commandFailed("find", done)]);
}
