/** Where a build leaves the image of a recipe, and what of it is there. */
import { existsSync } from "node:fs";
import { basename, dirname, join } from "node:path";
import { BuildError, nearest } from "@tsbake/base";
import {
  multiconfigOf,
  recipeLabel,
  type ParsedProject,
  type Providers,
  type RecipeInfo,
} from "@tsbake/recipe";
import { noSuchImage, notDeployed } from "../problems.js";

/** The files of an image are `FOLDER/NAME.TYPE`, as image.bbclass deploys them. */
export interface ImageFiles {
  /** DEPLOY_DIR_IMAGE. */
  readonly folder: string;
  /** IMAGE_LINK_NAME. */
  readonly name: string;
}

export interface DeployedImage {
  /** The image itself, of the type that is quickest to open. */
  readonly image?: string;
  /** The confext image that comes with an extension, of the same type. */
  readonly companion?: string;
  /** `NAME.json`, whether it is there or not. */
  readonly manifest: string;
  /** The folder of its package database's snapshot, where it has one. */
  readonly snapshot?: string;
  /** Of an extension: the recipe of its base. */
  readonly base?: string;
}

/** What one needs to work on the tree of an image as its packages left it; nothing of it need be there. */
export interface ImageBase {
  /** The recipe's name. */
  readonly name: string;
  /** IMAGE_PKGTYPE. */
  readonly format: "deb" | "ipk" | "rpm";
  /** Feeds with opkg's index: absolute folders, and addresses. */
  readonly indexedFeeds: readonly string[];
  /** The tar that do_base_tree keeps. */
  readonly tree: string;
  /** Where the recipe's packages come from, as lines; absent: the host's apt sources. */
  readonly sources?: string;
}

/** What is asked of a project that has been parsed. */
interface Images {
  readonly project: Pick<ParsedProject, "recipes" | "configurationText">;
  readonly providers: Pick<Providers, "findBuild">;
}

/** Ends of names, in the order in which one is taken. */
const TYPES = ["directory", "tar", "squashfs", "erofs", "ddi", "tar.zst", "tar.gz", "tar.xz"];

/**
 * Where the files of an image are, whether it has been built or not.
 *
 * @param target a recipe, or what it provides; `mc:NAME:RECIPE` for one of another configuration
 * @throws BuildError `engine/no-such-image`
 */
export function imageFiles(images: Images, target: string): ImageFiles {
  return filesOf(imageRecipe(images, target));
}

/** @throws BuildError `engine/no-such-image` */
export function imageBase(images: Images, target: string): ImageBase {
  const { pn, facts, tasks, feedSources: sources } = imageRecipe(images, target);
  const [folder = ""] = tasks["do_base_tree"]?.artifact?.outputs ?? [];
  return {
    name: pn,
    // A word that it cannot have is refused when the recipe is read.
    format: (facts["IMAGE_PKGTYPE"]?.value ?? "deb") as ImageBase["format"],
    indexedFeeds: tasks["do_rootfs"]?.feedIndexes ?? [],
    tree: join(folder, "rootfs.tar"),
    ...(sources !== undefined && { sources }),
  };
}

/** The folder that the sysroot of a recipe is kept in. @throws BuildError when nothing provides it */
export function sysrootFolder({ project, providers }: Images, target: string): string | undefined {
  const id = providers.findBuild(target);
  const recipe = id === undefined ? undefined : project.recipes.get(id);
  return recipe?.tasks["do_populate_sysroot"]?.artifact?.outputs[0];
}

/**
 * What a build has left of an image.
 *
 * @param target as for `imageFiles`
 * @throws BuildError `engine/no-such-image`, `engine/not-deployed`
 */
export function deployedImage(images: Images, target: string): DeployedImage {
  const recipe = imageRecipe(images, target);
  const { folder, name } = filesOf(recipe);
  const file = (type: string): string => join(folder, `${name}.${type}`);
  const multiconfig = multiconfigOf(recipe.id);
  const type = TYPES.find((one) => existsSync(file(one)));
  const image = type && file(type);
  const companion = type && file(`confext.${type}`);
  const snapshot = join(images.project.configurationText("PKGDB_DIR", multiconfig) ?? "", recipe.pn);
  const base = recipe.facts["IMAGE_BASE_PKGDB"]?.value;
  const hasSnapshot = existsSync(join(snapshot, "snapshot.json"));
  if (image === undefined && !hasSnapshot) throw new BuildError([notDeployed(target)]);
  return {
    ...(image === undefined ? {} : { image }),
    ...(companion !== undefined && existsSync(companion) ? { companion } : {}),
    manifest: file("json"),
    ...(hasSnapshot ? { snapshot } : {}),
    ...(base ? { base: multiconfig === "" ? base : `mc:${multiconfig}:${base}` } : {}),
  };
}

/**
 * Recipes of images have BUILD_SUMMARY, and the parse cache has it: nothing is evaluated for the question.
 *
 * @throws BuildError `engine/no-such-image`
 */
export function imageRecipe({ project, providers }: Images, target: string): RecipeInfo {
  const id = providers.findBuild(target);
  const recipe = id === undefined ? undefined : project.recipes.get(id);
  if (recipe !== undefined && isImage(recipe)) return recipe;
  const known = [...project.recipes.values()].filter(isImage).map(recipeLabel);
  throw new BuildError([noSuchImage(target, nearest(target, known))]);
}

function isImage({ facts }: RecipeInfo): boolean {
  return Boolean(facts["BUILD_SUMMARY"]?.value);
}

/** Of `FOLDER/NAME.summary`, which is BUILD_SUMMARY of image.bbclass. */
function filesOf({ facts }: RecipeInfo): ImageFiles {
  const summary = facts["BUILD_SUMMARY"]?.value ?? "";
  return { folder: dirname(summary), name: basename(summary, ".summary") };
}
