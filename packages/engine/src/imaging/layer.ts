/** A layer with a recipe of `inherit imaging`. */
import { join } from "node:path";
import { makeFolder, writeFileAtomic } from "@tsbake/base";
import type { StoredTree } from "../build-types.js";

export interface ImagingLayer {
  /** An empty folder. */
  readonly folder: string;
  /** The recipe's name. */
  readonly name: string;
  readonly tree: StoredTree;
  /** Words of IMAGE_TYPES. */
  readonly types: readonly string[];
}

/** Recipes of layers of people win. */
const layerConf = (series: string): string => `BBPATH .= ":\${LAYERDIR}"
BBFILES += "\${LAYERDIR}/recipes/*.bb"
BBFILE_COLLECTIONS += "imaging"
BBFILE_PATTERN_imaging = "^\${LAYERDIR_RE}/"
BBFILE_PRIORITY_imaging = "0"
LAYERSERIES_COMPAT_imaging = "${series}"
`;

export async function writeImagingLayer({ folder, name, tree, types }: ImagingLayer): Promise<void> {
  const { image, folders } = tree;
  const recipe = [
    `SUMMARY = "${image} in other types"`,
    "inherit imaging",
    `IMAGING_OF = "${image}"`,
    `IMAGE_BASENAME = "${image}"`,
    'IMAGE_NAME_SUFFIX = ".imaging"',
    `IMAGE_FSTYPES = "${types.join(" ")}"`,
    ...(folders === undefined
      ? []
      : ['IMAGING_STORED = "1"', `IMAGE_TREE = "${folders.tree}"`, `ROOTFS_OUTPUT = "${folders.facts}"`]),
    "",
  ].join("\n");
  await makeFolder(join(folder, "conf"));
  await makeFolder(join(folder, "recipes"));
  await writeFileAtomic(join(folder, "conf/layer.conf"), layerConf(tree.series));
  await writeFileAtomic(join(folder, "recipes", `${name}_1.0.bb`), recipe);
}
