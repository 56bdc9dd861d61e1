/**
 * New packages on top of a base whose files are there: the real dpkg unpacks and configures them, with their maintainer
 * scripts and all triggers, as apt would on the device, and purges what goes. What has changed in the tree afterwards is what an
 * installation is.
 */
import { refuseLinks } from "@tsbake/sandbox";
import type { InstallResult, LayerRequest, RootFile } from "../database/backend.js";
import { additions } from "../database/changes.js";
import type { InstalledPackage, PackageDatabase } from "../database/database.js";
import { DPKG_FOLDER, readDebDatabase } from "./database.js";
import { configureInside } from "./install.js";
import { demandInstalled, verify } from "./whole-root.js";
import { layOnTree } from "./lay-on-tree.js";
import { DPKG_KEEPS, type KeptDatabase } from "./kept.js";
import { EXTENDED_STATES, readAutomatic, statesAfter } from "./auto-installed.js";
import { clampTimes, completeRoot, normaliseRoot, takeOut } from "./normalise.js";
import { openOverrides } from "./overrides.js";
import { removalsOf } from "./removals.js";
import { solutionOf } from "./solve.js";

/**
 * @param request its root holds the base's whole tree
 * @throws BuildError `packaging/base-changed`, `packaging/install-failed` and what solving throws
 */
export async function installOnDebTree(
  request: LayerRequest,
  kept: KeptDatabase = DPKG_KEEPS,
): Promise<InstallResult> {
  const { root, seenRoot, base, inRoot, sandbox, epochSeconds, architecture, onProgress } = request;
  const solution = await solutionOf(request);
  const { packages, changes } = solution;
  await verify(packages);
  onProgress?.(`unpacking ${packages.length} packages`);
  const overrides = openOverrides(seenRoot);
  await overrides.toNumbers();
  const removals = removalsOf(solution, base.packages);
  const isAddition =
    removals.first.length === 0 && changes.every(({ kind }) => kind === "added" || kind === "removed");
  const left = inRoot && isAddition ? await layOnTree({ ...request, inRoot }, packages) : packages;
  const warnings = await configureInside(request, left, packages.length, {
    ...removals,
    // Scripts may have added lines with names, and may have done anything to the file.
    beforeLast: async () => {
      await refuseLinks(seenRoot, DPKG_FOLDER);
      await overrides.toNumbers();
    },
  });
  // Scripts may have done anything to it, and from here on we follow its paths ourselves.
  await refuseLinks(seenRoot, DPKG_FOLDER);
  await overrides.toNames();
  const ofDpkg = await readDebDatabase(seenRoot, architecture);
  demandInstalled(ofDpkg);
  await normaliseRoot(sandbox, root, ofDpkg, seenRoot);
  const database = await kept.settle(seenRoot, ofDpkg, request);
  const added = additions(request, database, changes);
  // Only for what is new: the base has made the same for its own.
  const isSystemd = (one: InstalledPackage): boolean => one.name === "systemd";
  const about = { ...database, packages: [...added.added, ...base.packages.filter(isSystemd)] };
  const extra = request.isWhole
    ? await filesOfWhole(request, database, added.added)
    : kept.extra(about, request.install);
  warnings.push(...(await completeRoot(sandbox, root, about, extra)));
  await clampTimes(sandbox, root, epochSeconds);
  return { ...added, database, skippedScripts: [], warnings };
}

/** What apt knows of the packages is another now. */
async function filesOfWhole(
  { root, seenRoot, sandbox, install, extra }: LayerRequest,
  database: PackageDatabase,
  added: readonly InstalledPackage[],
): Promise<readonly RootFile[]> {
  const before = await readAutomatic(seenRoot);
  await takeOut(sandbox, root, [EXTENDED_STATES]);
  const text = statesAfter(before, database, { added, wanted: install });
  return [{ path: `/${EXTENDED_STATES}`, text }, ...(extra?.(database) ?? [])];
}
