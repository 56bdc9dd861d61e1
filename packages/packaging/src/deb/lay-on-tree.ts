/**
 * Packages laid out side by side on a tree that is in use already, where dpkg would take them one after the other. They are laid
 * beside it first: whether one brings a path that is there is only known then, and such a one is left to dpkg, which knows of
 * diversions and replacements.
 */
import { existsSync, lstatSync } from "node:fs";
import { appendFile, mkdir, mkdtemp, symlink } from "node:fs/promises";
import { basename, join } from "node:path";
import { nameBytes } from "@tsbake/base";
import type { LayerRequest, Planned } from "../database/backend.js";
import type { PackageDatabase } from "../database/database.js";
import { DPKG_FOLDER } from "./database.js";
import { mergedFolders } from "./install.js";
import { activations, firesOn, interestsOf } from "./triggers.js";
import { type LaidPackage, layPackages } from "./unpack.js";

/** $1: root; $2: folder with what was laid. Files become names of the same files. A folder that is there has been given its modes. */
const SPREAD = `
set -eu
cd "$2"
find . -mindepth 1 -maxdepth 1 -print0 | xargs -0r cp -a --link -t "$1" --
cd /
rm -rf "$2"
`;

type InRoot = NonNullable<LayerRequest["inRoot"]>;

/** @returns what is left to dpkg @throws BuildError `packaging/bad-deb`, `sandbox/leaves-root`, `base/command-failed` */
export async function layOnTree(
  request: LayerRequest & { readonly inRoot: InRoot },
  packages: readonly Planned[],
): Promise<readonly Planned[]> {
  const { root, seenRoot, base, sandbox, inRoot, onProgress } = request;
  const seenStage = await mkdtemp(join(seenRoot, ".tsbake-lay-"));
  const stage = { root: join(root, basename(seenStage)), seenRoot: seenStage };
  const merged = mergedFolders(request.architecture).filter((name) => isLink(join(seenRoot, name)));
  for (const name of merged) {
    await mkdir(join(seenStage, "usr", name), { recursive: true });
    await symlink(`usr/${name}`, join(seenStage, name));
  }
  const diverted = base.diversions.flatMap(({ from, to }) => [from, to]);
  const notFolders = inRoot.filter(({ kind }) => kind !== "directory").map(({ path }) => path);
  const { left, laid } = await layPackages({ root, seenRoot, sandbox }, packages, {
    into: stage,
    merged,
    taken: [...base.packages.flatMap(({ files }) => files), ...inRoot.map(({ path }) => path), ...diverted],
    noFolders: new Set(notFolders),
    ...(onProgress && { onProgress }),
  });
  await keepFolders(request, stage);
  for (const name of merged) await sandbox.run("rm", [join(stage.root, name)]);
  await sandbox.run("sh", ["-c", SPREAD, "sh", root, stage.root]);
  const fired = laid.flatMap((one) => activated(one, base));
  if (fired.length > 0)
    await appendFile(join(seenRoot, DPKG_FOLDER, "triggers/Unincorp"), nameBytes(fired.join("")));
  return left;
}

function isLink(path: string): boolean {
  return lstatSync(path, { throwIfNoEntry: false })?.isSymbolicLink() === true;
}

/** dpkg leaves a folder that is there as it is. */
async function keepFolders(
  { sandbox, inRoot }: Pick<LayerRequest, "sandbox"> & { readonly inRoot: InRoot },
  stage: { readonly root: string; readonly seenRoot: string },
): Promise<void> {
  const byModes = new Map<string, string[]>();
  for (const { path, kind, mode, uid, gid } of inRoot) {
    if (kind !== "directory" || !existsSync(join(stage.seenRoot, path))) continue;
    const modes = `${uid}:${gid} ${mode.toString(8)}`;
    const paths = byModes.get(modes) ?? [];
    byModes.set(modes, paths);
    paths.push(join(stage.root, path));
  }
  for (const [modes, paths] of byModes) {
    const [owner = "", mode = ""] = modes.split(" ");
    const input = nameBytes(paths.map((path) => `${path}\0`).join(""));
    await sandbox.run("xargs", ["-0", "chown", owner], { input });
    await sandbox.run("xargs", ["-0", "chmod", mode], { input });
  }
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
