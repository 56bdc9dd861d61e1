/** Takes out of a fresh root what differs between two installs of the same packages. All of it as (fake) root. */
import type { RootFile } from "../database/backend.js";
import type { PackageDatabase } from "../database/database.js";
import { DPKG_FOLDER } from "./database.js";
import { findPerDevice, firstBootUnits, notMadeAgain, unitFiles } from "./per-device/index.js";
import type { Sandbox } from "@tsbake/sandbox";

/** Logs of the install itself, backups, locks, caches that are made again. */
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
const AVAILABLE = `${DPKG_FOLDER}/available`;

/**
 * $1: root; pairs of a path and what becomes its content, `--`, paths to remove. A link is never followed out of the root:
 * only plain files are written to.
 */
const CLEAN_UP = `
set -eu
cd "$1"
shift
while [ "$1" != -- ]; do
    if [ -f "$1" ] && [ ! -L "$1" ]; then printf %s "$2" >"$1"; fi
    shift 2
done
shift
rm -rf -- "$@"
`;

/** $1: root; `file PATH TEXT` and `link PATH TARGET`. What is there already stays: it is a package's. */
const WRITE = `
set -eu
umask 022
cd "$1"
shift
while [ $# -gt 0 ]; do
    if [ ! -e "$2" ] && [ ! -L "$2" ]; then
        mkdir -p "\${2%/*}"
        if [ "$1" = link ]; then ln -s "$3" "$2"; else printf %s "$3" >"$2"; fi
    fi
    shift 3
done
`;

/** Whether {@link normaliseRoot} takes a path out whoever brought it. @param path absolute within the root */
export function isRemovedPath(path: string): boolean {
  return REMOVED.some((one) => path === `/${one}` || path.startsWith(`/${one}/`));
}

/**
 * What an install leaves behind and two installs would not have in common.
 *
 * @param database what is installed: what its packages ship is not taken out
 * @param seenRoot where this process finds the root
 * @throws BuildError `base/command-failed`
 */
export async function normaliseRoot(
  sandbox: Sandbox,
  root: string,
  database: PackageDatabase,
  seenRoot = root,
): Promise<void> {
  const owned = new Set(database.packages.flatMap(({ files }) => files));
  const ofDevice = await findPerDevice(seenRoot, owned);
  const below = (path: string): string => path.slice(1);
  const rewritten = ofDevice.flatMap(({ path, becomes }) =>
    becomes === undefined ? [] : [below(path), becomes],
  );
  const removed = [
    ...REMOVED,
    ...OF_DATABASE.map((name) => `${DPKG_FOLDER}/${name}`),
    ...ofDevice.flatMap(({ path, becomes }) => (becomes === undefined ? [below(path)] : [])),
  ];
  await inRoot(sandbox, CLEAN_UP, [root, AVAILABLE, "", ...rewritten, "--", ...removed]);
}

/**
 * What a root has beside its packages: units that make at the first boot what {@link normaliseRoot} took out.
 *
 * @param extra what else is to be there
 * @returns what no device will have, as sentences for a report
 * @throws BuildError `base/command-failed`
 */
export async function completeRoot(
  sandbox: Sandbox,
  root: string,
  database: PackageDatabase,
  extra: readonly RootFile[] = [],
): Promise<string[]> {
  const names = new Set(database.packages.map(({ name }) => name));
  const hasSystemd = names.has("systemd");
  const units = hasSystemd ? firstBootUnits(names).map(unitFiles) : [];
  const files: RootFile[] = [
    ...units.flatMap(({ path, text, link, target }) => [
      { path, text },
      { path: link, target },
    ]),
    ...extra,
  ];
  const words = files.flatMap((one) =>
    "text" in one ? ["file", one.path.slice(1), one.text] : ["link", one.path.slice(1), one.target],
  );
  await inRoot(sandbox, WRITE, [root, ...words]);
  return notMadeAgain(names, hasSystemd);
}

/** @param paths relative to the root. @throws BuildError `base/command-failed` */
export async function takeOut(sandbox: Sandbox, root: string, paths: readonly string[]): Promise<void> {
  await inRoot(sandbox, CLEAN_UP, [root, "--", ...paths]);
}

async function inRoot(sandbox: Sandbox, script: string, words: readonly string[]): Promise<void> {
  await sandbox.run("sh", ["-c", script, "sh", ...words]);
}

/**
 * No file or link below `root` stays younger than `epochSeconds`, and every folder gets that time: a folder's own says only
 * in which order packages came. @throws BuildError `base/command-failed`
 */
export async function clampTimes(sandbox: Sandbox, root: string, epochSeconds: number): Promise<void> {
  const chosen = ["(", "-type", "d", "-o", "-newermt", `@${epochSeconds}`, ")"];
  const touch = ["-exec", "touch", "--no-dereference", `--date=@${epochSeconds}`, "{}", "+"];
  await sandbox.run("find", [root, "-xdev", ...chosen, ...touch]);
}
