/** Packages of recipes as .rpm files. */
import { mkdir, rm } from "node:fs/promises";
import { join } from "node:path";
import { scratchFolder } from "@tsbake/base";
import { controlsOf } from "../contents/index.js";
import { writeDeb, type WriteDebRequest } from "../deb/write.js";
import { neutralPackage } from "../repackage/index.js";
import { writeRpmOf } from "./repackaging.js";
import { rpmArchitecture } from "./names.js";
import { evrOfDebian } from "./version.js";

/** Of gzip: they are kept and published. */
const LEVEL = 9;

/** By way of a .deb, so that both formats say the same. @returns the path, `NAME-VERSION-RELEASE.ARCH.rpm` */
export async function writeRecipeRpm(request: WriteDebRequest): Promise<string> {
  const { recipe, package: one, out } = request;
  await mkdir(out, { recursive: true });
  const { version, release } = evrOfDebian(recipe.version);
  const architecture = rpmArchitecture(recipe.architecture) ?? recipe.architecture;
  const path = join(out, `${one.name}-${version}-${release}.${architecture}.rpm`);
  const scratch = await scratchFolder(join(out, ".rpm-"));
  try {
    const deb = await writeDeb({ ...request, out: scratch });
    const [control = new Map()] = await controlsOf([deb]);
    await writeRpmOf(neutralPackage(deb, control), deb, path, LEVEL);
  } finally {
    await rm(scratch, { recursive: true, force: true });
  }
  return path;
}
