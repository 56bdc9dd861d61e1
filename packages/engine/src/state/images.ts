/** Where a build has left the image of a recipe. */
import { existsSync } from "node:fs";
import { join } from "node:path";
import { BuildError, nearest } from "@tsbake/base";
import { multiconfigOf, recipeLabel, type ParsedProject } from "@tsbake/recipe";
import { noSuchImage, notDeployed } from "../problems.js";

export interface DeployedImage {
  /** The image itself, of the type that is quickest to open. */
  readonly image?: string;
  /** `NAME.json`, whether it is there or not. */
  readonly manifest: string;
  /** The folder of its package database's snapshot, where it has one. */
  readonly snapshot?: string;
  /** Of an extension: the recipe of its base. */
  readonly base?: string;
}

/** Ends of names, in the order in which one is taken. */
const TYPES = ["directory", "tar", "squashfs", "erofs", "ddi", "tar.zst", "tar.gz", "tar.xz"];

/**
 * @param target a recipe, `mc:NAME:RECIPE` for one of another configuration
 * @throws BuildError `engine/no-such-image`, `engine/not-deployed`
 */
export function deployedImage(project: ParsedProject, target: string): DeployedImage {
  const images = [...project.recipes.values()].filter(({ facts }) => facts["BUILD_SUMMARY"]?.value);
  const recipe = images.findLast((one) => recipeLabel(one) === target);
  if (recipe === undefined)
    throw new BuildError([noSuchImage(target, nearest(target, images.map(recipeLabel)))]);
  const multiconfig = multiconfigOf(recipe.id);
  const stem = (recipe.facts["BUILD_SUMMARY"]?.value ?? "").replace(/\.summary$/, "");
  const image = TYPES.map((type) => `${stem}.${type}`).find((path) => existsSync(path));
  const snapshot = join(project.configurationText("PKGDB_DIR", multiconfig) ?? "", recipe.pn);
  const base = recipe.facts["IMAGE_BASE_PKGDB"]?.value;
  const hasSnapshot = existsSync(join(snapshot, "snapshot.json"));
  if (image === undefined && !hasSnapshot) throw new BuildError([notDeployed(target)]);
  return {
    ...(image === undefined ? {} : { image }),
    manifest: `${stem}.json`,
    ...(hasSnapshot ? { snapshot } : {}),
    ...(base ? { base: multiconfig === "" ? base : `mc:${multiconfig}:${base}` } : {}),
  };
}
