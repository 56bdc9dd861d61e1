/**
 * A whole root from nothing. The essential packages are laid out side by side first, so that scripts find a working
 * system; then the real dpkg unpacks and configures everything, its maintainer scripts inside the root.
 */
import { lstatSync } from "node:fs";
import { mkdir, readdir, symlink, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { AT_ONCE, batches, BuildError, demandSuccess, eachLimited, hasCode, sha256File } from "@tsbake/base";
import type { InstallRequest, InstallResult, LayerRequest, Planned, Solution } from "../database/backend.js";
import type { Cage } from "@tsbake/sandbox";
import { databaseChanges } from "../database/changes.js";
import type { PackageDatabase } from "../database/database.js";
import { DPKG_FOLDER, readDebDatabase } from "./database.js";
import { layPackages } from "./unpack.js";
import { solveDeb } from "./solve.js";
import { explainDpkg } from "./dpkg-output.js";
import { linkOutOf, refuseLinks } from "@tsbake/sandbox";
import { badDeb, capabilitiesLost, installFailed, processesLeft } from "../problems.js";
import { leavesRoot } from "@tsbake/sandbox";
import { parseRelations, parseStanzas } from "./stanza.js";
import { DPKG_KEEPS, type KeptDatabase } from "./kept.js";
import { clampTimes, completeRoot, normaliseRoot } from "./normalise.js";

/** No sync to disk (what fails half way is thrown away), no question about configuration files, nothing of the host. */
const DPKG_FLAGS = ["--force-unsafe-io", "--force-confnew", "--no-debsig", "--log=/dev/null", "--no-pager"];

/** @throws BuildError `packaging/install-failed` and what solving throws */
export async function installDeb(request: InstallRequest): Promise<InstallResult> {
  const { packages, changes } = await solveDeb({ ...request, essential: true });
  return installSolved(request, { packages: (await request.fetch?.(packages)) ?? packages, changes });
}

/**
 * @param kept in which form the database stays
 * @throws BuildError `packaging/install-failed`
 */
export async function installSolved(
  request: InstallRequest,
  { packages, changes }: Solution,
  kept: KeptDatabase = DPKG_KEEPS,
): Promise<InstallResult> {
  const { root, sandbox, epochSeconds, onProgress } = request;
  await verify(packages);
  onProgress?.(`unpacking ${packages.length} packages`);
  const merged = mergedFolders(request.architecture);
  await mkdir(root, { recursive: true });
  if ((await readdir(root)).length > 0) throw new Error(`internal: ${root} is not empty`);
  // dpkg and update-alternatives sync each change of the database; a root that fails half way is thrown away.
  const seenRoot = await sandbox.keepInMemory(root, DPKG_FOLDER);
  await prepare(seenRoot, merged);
  const essential = new Set(essentialOf(packages));
  const { left } = await layPackages({ root, seenRoot, sandbox }, packages, {
    always: essential,
    merged,
    ...(onProgress && { onProgress }),
  });
  const warnings = await configureInside(request, left, packages.length);
  await sandbox.putOnDisk(root, DPKG_FOLDER);
  // Scripts may have done anything to it, and from here on we follow its paths ourselves.
  await refuseLinks(root, DPKG_FOLDER);
  const ofDpkg = await readDebDatabase(root, request.architecture);
  await normaliseRoot(sandbox, root, ofDpkg);
  const extra = [...kept.extra(ofDpkg, request.install), ...(request.extra?.(ofDpkg) ?? [])];
  warnings.push(...(await completeRoot(sandbox, root, ofDpkg, extra)));
  const database = await kept.settle(root, ofDpkg, request);
  await clampTimes(sandbox, root, epochSeconds);
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

type DpkgRequest = Pick<InstallRequest, "sandbox" | "root" | "epochSeconds" | "onProgress"> &
  Partial<Pick<LayerRequest, "seenRoot">>;

/** Nothing is configured before all is unpacked: what a package needs may come after it. */
const UNPACK_FIRST = ["--force-depends", "--no-triggers"];

/**
 * Unpacks what is left and configures everything in the root, with its maintainer scripts and triggers.
 *
 * @param total how many packages are to be set up, those that are unpacked already with them
 * @returns sentences for a report
 * @throws BuildError `packaging/install-failed`, `sandbox/leaves-root`
 */
export async function configureInside(
  request: DpkgRequest,
  packages: readonly Planned[],
  total: number,
): Promise<string[]> {
  return withoutServices(request, async (coverDaemons) => {
    await dpkgUnpack(
      request,
      UNPACK_FIRST,
      packages.map(({ path }) => path),
    );
    await coverDaemons();
    await dpkg(request, ["--configure", "--pending"], total, "Setting up ");
  });
}

/**
 * Readies the root for scripts, of which none can start a service.
 *
 * @param body gets what it calls once the tools of the root are there
 * @returns sentences for a report
 */
export async function withoutServices(
  request: Pick<InstallRequest, "sandbox" | "root" | "onProgress">,
  body: (coverDaemons: () => Promise<void>) => Promise<void>,
): Promise<string[]> {
  const { root, sandbox, onProgress } = request;
  const warnings: string[] = [];
  await sandbox.attach(root);
  try {
    await inside(sandbox, root, FORBID_SERVICES);
    // Daemons are not started: the tool that would do it is hidden by one that does nothing.
    await body(() => sandbox.cover(root, "usr/sbin/start-stop-daemon", "#!/bin/sh\nexit 0\n"));
    if (sandbox.isFake) warnings.push(...(await lostCapabilities(sandbox, root)));
  } finally {
    const left = await sandbox.detach(root);
    if (left.length > 0) {
      warnings.push(processesLeft(left));
      onProgress?.(`warning: ${processesLeft(left)}`);
    }
  }
  await inside(sandbox, root, ALLOW_SERVICES);
  return warnings;
}

/** @throws BuildError `packaging/install-failed` with packages that are not */
export function demandInstalled({ packages }: PackageDatabase): void {
  const unfinished = packages.filter(({ state }) => state !== "installed");
  if (unfinished.length === 0) return;
  const which = unfinished.slice(0, 10).map(({ name, state }) => `\`${name}\` is only ${state}`);
  throw new BuildError([installFailed(which.join(", "), "")]);
}

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

export async function prepare(root: string, merged: readonly string[]): Promise<void> {
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

/** $1: root. 101 of policy-rc.d: invoke-rc.d may not start services. */
const FORBID_SERVICES = `
set -eu
mkdir -p "$1/usr/sbin"
printf '#!/bin/sh\nexit 101\n' >"$1/usr/sbin/policy-rc.d"
chmod 755 "$1/usr/sbin/policy-rc.d"
`;
const ALLOW_SERVICES = 'rm -f "$1/usr/sbin/policy-rc.d"';

async function inside(sandbox: Cage, root: string, script: string): Promise<void> {
  await sandbox.run("sh", ["-c", script, "sh", root]);
}

/** Unpacks `files` in their order, as many at a time as a command line holds. */
export async function dpkgUnpack(
  request: DpkgRequest,
  flags: readonly string[],
  files: readonly string[],
): Promise<void> {
  for (const some of batches(files, (file) => [file]))
    await dpkg(request, [...flags, "--unpack", ...some], some.length, "Unpacking ");
}

/** Runs dpkg on the root. @throws BuildError `packaging/install-failed` with what it said, `sandbox/leaves-root` */
export async function dpkg(
  request: DpkgRequest,
  args: readonly string[],
  total: number,
  sign: string,
): Promise<void> {
  if (total === 0) return;
  let seen = 0;
  const done = await request.sandbox.run("dpkg", [`--root=${request.root}`, ...DPKG_FLAGS, ...args], {
    mayFail: true,
    env: {
      SOURCE_DATE_EPOCH: String(request.epochSeconds),
      PERL_HASH_SEED: "0",
      DEBIAN_PRIORITY: "critical",
    },
    onOutput: (text) => {
      for (const line of text.split("\n")) {
        if (!line.startsWith(sign)) continue;
        seen += 1;
        request.onProgress?.(`${Math.min(seen, total)} of ${total}: ${line.toLowerCase()}`);
      }
    },
  });
  if (done.code !== 0) {
    const { cause, said } = explainDpkg(done.stdout, done.stderr);
    const [, owner, named] = /^`([^`]+)`: [^']*'(\/.+?)(?:\.dpkg-(?:new|tmp))?'/.exec(cause) ?? [];
    // dpkg may say where it is on the machine.
    const path = named?.startsWith(`${request.root}/`) ? named.slice(request.root.length) : named;
    const link = path === undefined ? undefined : await linkOutOf(request.seenRoot ?? request.root, path);
    if (path !== undefined && link) throw new BuildError([leavesRoot(path, link, owner)]);
    throw new BuildError([installFailed(cause, said)]);
  }
}

/** File capabilities do not survive a fake root: which files are meant. */
async function lostCapabilities(sandbox: Cage, root: string): Promise<string[]> {
  const asked = await sandbox.run("chroot", [root, "getcap", "-r", "/usr"], { mayFail: true });
  // What has no getcap has no setcap either: nobody has set any.
  if (asked.code !== 127) demandSuccess("getcap", asked);
  const files = asked.stdout.split("\n").flatMap((line) => /^(\S+) \S/.exec(line)?.[1] ?? []);
  return files.length > 0 ? [capabilitiesLost(files)] : [];
}
