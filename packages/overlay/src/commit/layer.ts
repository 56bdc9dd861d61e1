/** Where recipes go in a layer, and writing them there. */
import { mkdir, readFile, stat, writeFile } from "node:fs/promises";
import { dirname, join } from "node:path";
import { BuildError, hasCode, ifThere } from "@tsbake/base";
import type { Cage } from "@tsbake/sandbox";
import { noLayer, recipeThere } from "../problems.js";
import type { RecipeTexts } from "./recipe.js";

/** Where nothing in conf/layer.conf says where recipes are. */
const USUAL = "recipes/*/*.bb";

/**
 * The folder for recipes that the layer's BBFILES find, relative to the layer.
 *
 * @throws BuildError `overlay/no-layer`
 */
export async function recipeFolder(layer: string, name: string): Promise<string> {
  const text = await ifThere(readFile(join(layer, "conf/layer.conf"), "utf8"));
  if (text === undefined) throw new BuildError([noLayer(layer)]);
  const patterns = [...text.matchAll(/\$\{LAYERDIR\}\/([^\s"']*\*\.bb)(?=[\s"'])/g)].map(
    (match) => match[1]!,
  );
  const pattern = patterns.find((one) => one.startsWith("recipes")) ?? patterns[0] ?? USUAL;
  const folders = dirname(pattern).split("/");
  // `recipes-*` of OE's layers, then one a recipe.
  return folders.map((part, at) => part.replaceAll("*", at === 0 ? "tools" : name)).join("/");
}

/**
 * @param read content of a path of the overlay
 * @returns paths that were written, relative to the layer
 * @throws BuildError `overlay/no-layer`, `overlay/recipe-there`
 */
export async function writeRecipes(
  layer: string,
  name: string,
  texts: RecipeTexts,
  read: (path: string) => Promise<Buffer>,
): Promise<string[]> {
  const folder = await recipeFolder(layer, name);
  const files = new Map<string, string | Buffer>([[`${folder}/${name}_1.0.bb`, texts.image]]);
  if (texts.files) {
    const { name: own, text, sources } = texts.files;
    files.set(`${folder}/${own}_1.0.bb`, text);
    for (const [source, path] of sources) files.set(`${folder}/${own}/${source}`, await read(path));
  }
  for (const path of files.keys())
    if ((await ifThere(stat(join(layer, path)))) !== undefined)
      throw new BuildError([recipeThere(join(layer, path))]);
  for (const [path, content] of files) {
    await mkdir(dirname(join(layer, path)), { recursive: true });
    await writeFile(join(layer, path), content);
  }
  return [...files.keys()];
}

/** Reads a file of an upper folder, whose owner may be any. */
export function readingOwned(cage: Cage, upper: string): (path: string) => Promise<Buffer> {
  return async (path) => {
    try {
      return await readFile(join(upper, path));
    } catch (error) {
      if (!hasCode(error, "EACCES")) throw error;
      const { stdout } = await cage.run("base64", ["-w", "0", "--", join(upper, path)]);
      return Buffer.from(stdout, "base64");
    }
  };
}
