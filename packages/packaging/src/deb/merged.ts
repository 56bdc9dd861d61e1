/**
 * New packages on top of a base whose files are there: the real dpkg unpacks and configures them, with their maintainer
 * scripts and all triggers, as apt would on the device. What has changed in the tree afterwards is what an installation is.
 */
import { writeFile } from "node:fs/promises";
import { join } from "node:path";
import { readTextIfThere } from "@tsbake/base";
import { refuseLinks } from "@tsbake/sandbox";
import type { InstallResult, LayerRequest } from "../database/backend.js";
import { additions } from "../database/changes.js";
import type { InstalledPackage } from "../database/database.js";
import { DPKG_FOLDER, readDebDatabase } from "./database.js";
import { configureInside } from "./install.js";
import { demandInstalled, verify } from "./whole-root.js";
import { layOnTree } from "./lay-on-tree.js";
import { DPKG_KEEPS, type KeptDatabase } from "./kept.js";
import { clampTimes, completeRoot, normaliseRoot } from "./normalise.js";
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
  const { packages, changes } = await solutionOf(request);
  await verify(packages);
  onProgress?.(`unpacking ${packages.length} packages`);
  const overrides = await setOverridesAside(join(seenRoot, DPKG_FOLDER, "statoverride"));
  const isAddition = changes.every(({ kind }) => kind === "added");
  const left = inRoot && isAddition ? await layOnTree({ ...request, inRoot }, packages) : packages;
  const warnings = await configureInside(request, left, packages.length);
  // Scripts may have done anything to it, and from here on we follow its paths ourselves.
  await refuseLinks(seenRoot, DPKG_FOLDER);
  await overrides.restore();
  const ofDpkg = await readDebDatabase(seenRoot, architecture);
  demandInstalled(ofDpkg);
  await normaliseRoot(sandbox, root, ofDpkg, seenRoot);
  const database = await kept.settle(seenRoot, ofDpkg, request);
  const added = additions(request, database, changes);
  // Only for what is new: the base has made the same for its own.
  const isSystemd = (one: InstalledPackage): boolean => one.name === "systemd";
  const about = { ...database, packages: [...added.added, ...base.packages.filter(isSystemd)] };
  warnings.push(...(await completeRoot(sandbox, root, about, kept.extra(about, request.install))));
  await clampTimes(sandbox, root, epochSeconds);
  return { ...added, database, skippedScripts: [], warnings };
}

/**
 * dpkg of this machine looks for the users of overrides outside of the root and ends where there are none. They are of files
 * that the base has already.
 */
async function setOverridesAside(path: string): Promise<{ restore(): Promise<void> }> {
  const before = await readTextIfThere(path);
  if (before === undefined || before === "") return { restore: async () => {} };
  await writeFile(path, "");
  return {
    restore: async () => {
      const lines = [before, (await readTextIfThere(path)) ?? ""].flatMap((text) => text.split("\n"));
      await writeFile(
        path,
        [...new Set(lines.filter((line) => line !== ""))].map((line) => `${line}\n`).join(""),
      );
    },
  };
}
