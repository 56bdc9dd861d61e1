/** do_rootfs of a base: every package from nothing. */
import { rm } from "node:fs/promises";
import type { PackageDatabase, RootFile } from "@tsbake/packaging";
import type { LayerFacts } from "../facts/facts.js";
import { EXTENSION_UNITS } from "./extension-units.js";
import { emptyRoot, installCage, offerOf, solveRequest } from "./offer.js";
import type { BaseOptions } from "./options.js";
import { packWhole } from "./whole-tree.js";

/**
 * A whole root: every package installed and configured by the real package manager, packed with its manifest, and the
 * snapshot that extensions are built on.
 *
 * @throws BuildError of the package backend; `image/format-failed`
 */
export async function installBase(options: BaseOptions): Promise<LayerFacts> {
  const { backend } = options;
  const root = await emptyRoot(options);
  const { sources, fetch } = await offerOf(options);
  await using sandbox = await installCage(options, root, sources);
  const result = await backend.install({
    ...solveRequest(options, sources),
    root,
    sandbox,
    fetch,
    extra: extraFiles(options),
  });
  const facts = await packWhole(options, { sandbox, root, seenRoot: root, result, sources });
  await sandbox.close();
  await rm(root, { recursive: true, force: true });
  return facts;
}

/** What IMAGE_FEATURES puts beside the packages. */
export function extraFiles({
  features,
}: Pick<BaseOptions, "features">): (database: PackageDatabase) => readonly RootFile[] {
  return ({ packages }) =>
    features.includes("sysext") && packages.some(({ name }) => name === "systemd") ? EXTENSION_UNITS : [];
}
