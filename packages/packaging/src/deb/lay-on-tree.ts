/**
 * Packages laid out at once on a tree that is in use already, where dpkg would take them one after the other. One that brings a path
 * that is there is left to dpkg, which knows of diversions and replacements.
 */
import { appendFile } from "node:fs/promises";
import { join } from "node:path";
import { nameBytes } from "@tsbake/base";
import type { LayerRequest, Planned } from "../database/backend.js";
import type { PackageDatabase } from "../database/database.js";
import { DPKG_FOLDER } from "./database.js";
import { linkedFolders } from "./whole-root.js";
import { activations, firesOn, interestsOf } from "./triggers.js";
import { type LaidPackage, layPackages } from "./unpack.js";

type InRoot = NonNullable<LayerRequest["inRoot"]>;

/** @returns what is left to dpkg @throws BuildError `packaging/bad-deb`, `sandbox/leaves-root`, `base/command-failed` */
export async function layOnTree(
  request: LayerRequest & { readonly inRoot: InRoot },
  packages: readonly Planned[],
): Promise<readonly Planned[]> {
  const { root, seenRoot, base, sandbox, inRoot, onProgress } = request;
  const merged = linkedFolders(seenRoot, request.architecture);
  const diverted = base.diversions.flatMap(({ from, to }) => [from, to]);
  const { left, laid } = await layPackages({ root, seenRoot, sandbox }, packages, {
    merged,
    taken: [...base.packages.flatMap(({ files }) => files), ...inRoot.map(({ path }) => path), ...diverted],
    inRoot,
    ...(onProgress && { onProgress }),
  });
  const fired = laid.flatMap((one) => activated(one, base));
  if (fired.length > 0)
    await appendFile(join(seenRoot, DPKG_FOLDER, "triggers/Unincorp"), nameBytes(fired.join("")));
  return left;
}

/**
 * What dpkg notes when it unpacks a package: triggers that it names, and those on paths that it brings, a line each. dpkg takes
 * them up with its next run.
 *
 * @see deb-triggers(5); dpkg's doc/triggers.txt, "Unincorp"
 */
function activated({ key, paths, triggers }: LaidPackage, base: Pick<PackageDatabase, "triggers">): string[] {
  const onPaths = interestsOf(base).filter((trigger) => firesOn(trigger, paths));
  return [...activations(triggers), ...onPaths].map(
    ({ name, isAwaited }) => `${name} ${isAwaited ? key : "-"}\n`,
  );
}
