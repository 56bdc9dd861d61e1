/** The finished tree of an image, where it is stored, and whether the layers as they are have made it. */
import { existsSync } from "node:fs";
import { join } from "node:path";
import { BuildError } from "@tsbake/base";
import type { ParsedProject, Providers } from "@tsbake/recipe";
import type { StoredTree } from "../build-types.js";
import { differingLayers } from "../bundle/index.js";
import { noStoredTree, otherLayers } from "../problems.js";
import type { WhatChanged } from "../records/index.js";
import { imageRecipe } from "../state/index.js";

export interface StoredTreeQuery {
  readonly project: ParsedProject;
  readonly providers: Providers;
  /** What would be done for targets. */
  readonly pending: (targets: readonly string[]) => Promise<WhatChanged>;
  readonly target: string;
  readonly anyLayers: boolean;
}

/** The task that keeps a tree where it is found by the name of its recipe. */
const KEEPING = "do_finished_tree";

/** @throws BuildError `engine/no-such-image`, `engine/no-stored-tree`, `engine/other-layers` */
export async function findStoredTree(query: StoredTreeQuery): Promise<StoredTree> {
  const { project, target, anyLayers, pending } = query;
  const recipe = imageRecipe(query, target);
  const { pn, tasks, facts } = recipe;
  const series = project.configurationText("LAYERSERIES_CORENAMES") ?? "";
  if (tasks[KEEPING] === undefined) throw new BuildError([noStoredTree(target, "it keeps no finished tree")]);
  // Its tree is no more than half of it: what it fits is stamped elsewhere.
  if (facts["IMAGE_BASE_PKGDB"]?.value) throw new BuildError([noStoredTree(target, "it is an extension")]);
  const bundle = project.layers.find(({ path }) => recipe.file.startsWith(`${path}/`) && isBundle(path));
  if (bundle !== undefined) {
    const differing = anyLayers ? [] : await differingLayers(bundle.path, project.layers);
    if (differing.length > 0) throw new BuildError([otherLayers(pn, differing)]);
    return { image: pn, series };
  }
  if (anyLayers) {
    const [tree = ""] = tasks["do_image"]?.artifact?.plain ?? [];
    const [said = ""] = tasks["do_rootfs"]?.artifact?.plain ?? [];
    const isThere = existsSync(join(tree, "image.tar")) && existsSync(join(said, "packages.json"));
    if (!isThere) throw new BuildError([noStoredTree(target, "none is in its work folder")]);
    return { image: pn, series, folders: { tree, facts: said } };
  }
  const { tasks: found } = await pending([`${pn}:${KEEPING}`]);
  const toRun = found.filter(({ how, label }) => how === "run" && label !== `${pn}:${KEEPING}`);
  if (toRun.length > 0)
    throw new BuildError([
      otherLayers(
        pn,
        toRun.map(({ label }) => `${label} would run`),
      ),
    ]);
  return { image: pn, series };
}

function isBundle(layer: string): boolean {
  return existsSync(join(layer, "bundle.json"));
}
