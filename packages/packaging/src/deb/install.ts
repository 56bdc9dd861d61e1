/**
 * A whole root from nothing. The essential packages are laid out side by side first, so that scripts find a working
 * system; then the real dpkg unpacks and configures everything, its maintainer scripts inside the root.
 */
import { mkdir, readdir } from "node:fs/promises";
import { batches, BuildError, sortedUnique } from "@tsbake/base";
import { leavesRoot, linkOutOf, refuseLinks } from "@tsbake/sandbox";
import type { InstallRequest, InstallResult, LayerRequest, Planned, Solution } from "../database/backend.js";
import { installFailed } from "../problems.js";
import { DPKG_FOLDER, readDebDatabase } from "./database.js";
import { explainDpkg } from "./dpkg-output.js";
import { DPKG_KEEPS, type KeptDatabase } from "./kept.js";
import { NOTHING_GOES, type Removals } from "./removals.js";
import { clampTimes, completeRoot, normaliseRoot } from "./normalise.js";
import { withoutServices } from "./services.js";
import { solveDeb } from "./solve.js";
import { layPackages } from "./unpack.js";
import { essentialOf, makeFrame, mergedFolders, verify, wholeInstall } from "./whole-root.js";

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
  await makeFrame(seenRoot, merged);
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
  return wholeInstall(changes, database, warnings);
}

type DpkgRequest = Pick<InstallRequest, "sandbox" | "root" | "epochSeconds" | "onProgress"> &
  Partial<Pick<LayerRequest, "seenRoot">>;

/** Nothing is configured before all is unpacked: what a package needs may come after it. */
const UNPACK_FIRST = ["--force-depends", "--no-triggers"];

/**
 * Unpacks what is left and configures everything in the root, with its maintainer scripts and triggers; purges what goes.
 *
 * @param total how many packages are to be set up, those that are unpacked already with them
 * @param removals what goes, and what is done before the last of it
 * @returns sentences for a report
 * @throws BuildError `packaging/install-failed`, `sandbox/leaves-root`
 */
export async function configureInside(
  request: DpkgRequest,
  packages: readonly Planned[],
  total: number,
  { first, last, beforeLast }: Removals & { readonly beforeLast?: () => Promise<void> } = NOTHING_GOES,
): Promise<string[]> {
  const warnings = await withoutServices(request, async (coverDaemons) => {
    // What needs one of these finds it again in what is unpacked next.
    await purge(request, ["--force-depends", "--no-triggers", ...first]);
    await dpkgUnpack(
      request,
      UNPACK_FIRST,
      packages.map(({ path }) => path),
    );
    await coverDaemons();
    await dpkg(request, ["--configure", "--pending"], total, "Setting up ");
  });
  if (last.length === 0) return warnings;
  // Between the two no process of a script is left, which could change what is looked at.
  await beforeLast?.();
  const more = await withoutServices(request, async (coverDaemons) => {
    await coverDaemons();
    await purge(request, last);
  });
  return sortedUnique([...warnings, ...more]);
}

/** Configuration goes, too: nobody has edited it. */
async function purge(request: DpkgRequest, names: readonly string[]): Promise<void> {
  const count = names.filter((name) => !name.startsWith("-")).length;
  await dpkg(request, ["--purge", ...names], count, "Removing ");
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
