/** New packages on a base, by the real rpm: on its whole tree with scriptlets, or on its database alone without. */
import { BuildError, byText } from "@tsbake/base";
import { refuseLinks } from "@tsbake/sandbox";
import { readControls } from "../contents/index.js";
import type { InstallResult, LayerRequest, SkippedScript, Solution } from "../database/backend.js";
import { additions } from "../database/changes.js";
import type { InstalledPackage } from "../database/database.js";
import { DPKG_FOLDER } from "../deb/database.js";
import { withoutServices } from "../deb/services.js";
import { demandInstalled, verify } from "../deb/whole-root.js";
import { clampTimes, completeRoot, normaliseRoot } from "../deb/normalise.js";
import { describe, SCRIPTS } from "../deb/skipped.js";
import { installFailed } from "../problems.js";
import { headersOfRoot, readRpmDatabase, writeRpmDatabase } from "./database.js";
import { addPackages } from "./install.js";
import { findRpm, RPM_FOLDER } from "./tool.js";
import { runTriggers } from "./triggers.js";

/** @throws BuildError `packaging/install-failed`, `packaging/no-rpm` */
export async function installOnRpmTree(request: LayerRequest, solution: Solution): Promise<InstallResult> {
  const { root, seenRoot, base, sandbox, architecture, epochSeconds, onProgress } = request;
  const { packages, changes } = solution;
  demandAdditions(solution);
  await verify(packages);
  const tool = await findRpm();
  onProgress?.(`installing ${packages.length} packages`);
  const warnings = await withoutServices(request, async (coverDaemons) => {
    await coverDaemons();
    await addPackages(tool, request, packages);
    await runTriggers({ ...request, fresh: packages }, await readRpmDatabase(seenRoot, architecture));
  });
  for (const folder of [RPM_FOLDER, DPKG_FOLDER]) await refuseLinks(seenRoot, folder);
  await writeRpmDatabase(seenRoot, await headersOfRoot(seenRoot));
  const database = await readRpmDatabase(seenRoot, architecture);
  demandInstalled(database);
  await normaliseRoot(sandbox, root, database, seenRoot);
  const added = additions(request, database, changes);
  // Only for what is new: the base has made the same for its own.
  const isSystemd = (one: InstalledPackage): boolean => one.name === "systemd";
  const about = { ...database, packages: [...added.added, ...base.packages.filter(isSystemd)] };
  warnings.push(...(await completeRoot(sandbox, root, about)));
  await clampTimes(sandbox, root, epochSeconds);
  return { ...added, database, skippedScripts: [], warnings };
}

/** @throws BuildError `packaging/install-failed`, `packaging/no-rpm` */
export async function installOnRpmDatabase(
  request: LayerRequest,
  solution: Solution,
): Promise<InstallResult> {
  const { root, seenRoot, sandbox, architecture, epochSeconds, onProgress } = request;
  const { packages, changes } = solution;
  demandAdditions(solution);
  await verify(packages);
  onProgress?.(`unpacking ${packages.length} packages`);
  await addPackages(await findRpm(), request, packages, ["--noscripts", "--notriggers"]);
  for (const folder of [RPM_FOLDER, DPKG_FOLDER]) await refuseLinks(seenRoot, folder);
  await writeRpmDatabase(seenRoot, await headersOfRoot(seenRoot));
  const database = await readRpmDatabase(seenRoot, architecture);
  await normaliseRoot(sandbox, root, database, seenRoot);
  await clampTimes(sandbox, root, epochSeconds);
  const controls = await readControls(packages);
  const skippedScripts = packages.flatMap((one, at) =>
    SCRIPTS.flatMap((script): SkippedScript[] => {
      const bytes = controls[at]!.get(script)?.bytes;
      return bytes === undefined ? [] : [describe(one, script, bytes)];
    }),
  );
  return {
    ...additions(request, database, changes),
    database,
    skippedScripts: skippedScripts.sort((a, b) => byText(a.package, b.package) || byText(a.script, b.script)),
    warnings: [],
  };
}

/** rpm replaces and erases packages of a base without a word, and their scripts would have to be heard. */
function demandAdditions({ changes }: Solution): void {
  const other = changes.find(({ kind }) => kind !== "added");
  if (other === undefined) return;
  const cause = `\`${other.name}\` of the base would be ${other.kind}, which is not supported with rpm packages yet`;
  throw new BuildError([installFailed(cause, "", "rpm")]);
}
