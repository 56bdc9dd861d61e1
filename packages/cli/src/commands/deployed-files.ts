/** Finds what an image has deployed beside it. */
import { join } from "node:path";
import { BuildError } from "@tsbake/base";
import type { Build } from "@tsbake/engine";
import { noImage } from "../problems.js";

/** Where the files of an image are: `FOLDER/NAME.TYPE`, as image.bbclass deploys them. */
export interface Deployed {
  readonly folder: string;
  /** IMAGE_LINK_NAME. */
  readonly name: string;
}

/** @throws BuildError `cli/no-image` for a recipe that is none; when nothing provides the target */
export async function deployFolderOf(build: Pick<Build, "variablesOf">, target: string): Promise<Deployed> {
  const names = ["DEPLOY_DIR_IMAGE", "IMAGE_LINK_NAME", "IMAGE_FSTYPES"];
  const found = await build.variablesOf(target, names);
  const [folder, name] = names.map((variable) => found.get(variable));
  if (found.size < names.length || !folder || !name) throw new BuildError([noImage(target)]);
  return { folder, name };
}

export function deployedFile({ folder, name }: Deployed, type: string): string {
  return join(folder, `${name}.${type}`);
}

/** A word that names a file and no recipe. */
export function isPath(image: string): boolean {
  return image.endsWith(".json") && !image.startsWith("mc:");
}
