/** `tsbake imaging`: images of other types, or with another key, of the tree of an image that was built. */
import { readdir, realpath, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join, resolve } from "node:path";
import { BuildError, byText, makeFolder, run as runProgram, scratchFolder } from "@tsbake/base";
import { type BuildOutput, type LockedBuild, type StoredTree, writeImagingLayer } from "@tsbake/engine";
import { IMAGE_TYPES } from "@tsbake/image";
import type { Display } from "../display/display.js";
import { ALL_WELL, FAILED } from "../process/exit-code.js";
import { wrongValue } from "../problems.js";
import { buildRequest } from "./build.js";
import type { Asked, SessionCommand } from "./command.js";

export const imaging: SessionCommand = { run };

/** The project is read without the recipe that makes the images, and then with it. */
async function run(asked: Asked, display: Display): Promise<number> {
  const { request } = asked;
  const types = request.images.types ?? [];
  const odd = types.find((type) => !IMAGE_TYPES.includes(type));
  if (odd !== undefined)
    throw new BuildError([wrongValue("--type", odd, `one of ${IMAGE_TYPES.join(", ")}`)]);
  const tree = await withBuild(asked, [], (build) => storedTree(asked, build));
  const name = `${tree.image}-imaging`;
  const folder = await scratchFolder(join(tmpdir(), "tsbake-imaging-"));
  try {
    await writeImagingLayer({ folder, name, tree, types });
    return await withBuild(asked, [folder], (build) => make(asked, { build, name }, display));
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
}

/** @param layers folders of layers that count beside those of the project */
async function withBuild<Result>(
  { around, options }: Asked,
  layers: readonly string[],
  body: (build: LockedBuild) => Promise<Result>,
): Promise<Result> {
  const build = await around.lockBuild({ ...options, layers }, "everything");
  try {
    return await body(build);
  } finally {
    await build.close();
  }
}

function storedTree({ request, around }: Asked, build: LockedBuild): Promise<StoredTree> {
  const [image = ""] = request.targets;
  return build.storedTree(image, buildRequest(request, around), request.images.otherLayers === true);
}

async function make(
  { request, around }: Asked,
  { build, name }: { readonly build: LockedBuild; readonly name: string },
  display: Display,
): Promise<number> {
  const { summary, outputs } = await build.build({ ...buildRequest(request, around), targets: [name] });
  if (summary?.ok === false || request.dryRun) {
    display.conclude(summary, outputs);
    return summary?.ok === false ? FAILED : ALL_WELL;
  }
  const { to } = request.images;
  const place =
    to === undefined
      ? join(build.project.configurationText("DEPLOY_DIR") ?? build.topdir, "imaging")
      : resolve(around.directory, to);
  const files = await copyOut(build.imageFiles(name), place);
  const shown: BuildOutput[] = outputs.map((one) => ({ ...one, files }));
  display.conclude(summary, shown);
  return ALL_WELL;
}

/** What is deployed goes when another build has no such recipe: what was asked for stays. */
async function copyOut(
  { folder, name }: { readonly folder: string; readonly name: string },
  place: string,
): Promise<string[]> {
  await makeFolder(place);
  const names = (await readdir(folder)).filter((one) => one.startsWith(`${name}.`)).sort(byText);
  const copied: string[] = [];
  for (const one of names) {
    const to = join(place, one);
    await rm(to, { recursive: true, force: true });
    await runProgram("cp", ["-a", "--reflink=auto", "--", await realpath(join(folder, one)), to]);
    copied.push(to);
  }
  return copied;
}
