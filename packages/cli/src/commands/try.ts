/** `tsbake try`: builds extensions where that is needed, merges them on their base, runs a command there. */
import { mkdir, rm } from "node:fs/promises";
import { join } from "node:path";
import { BuildError, scratchFolder } from "@tsbake/base";
import type { LockedBuild } from "@tsbake/engine";
import { boot, compareImageVersions, openMergedTree, runInTree } from "@tsbake/image";
import type { Display } from "../display/display.js";
import { NOT_TRIED } from "../process/exit-code.js";
import { differentBases, noExtension } from "../problems.js";
import { buildRequest } from "./build.js";
import type { Asked, SessionCommand } from "./command.js";

export const tryOut: SessionCommand = { failed: NOT_TRIED, run };

/** Where the command runs. */
interface Place extends AsyncDisposable {
  readonly run: (command: readonly string[] | undefined, term: string | undefined) => Promise<number>;
  readonly close: () => Promise<void>;
}

/** The build folder is let go before the command starts. */
async function run(asked: Asked, display: Display): Promise<number> {
  const { request, around } = asked;
  await using place = await placeFor(asked, display);
  // A task failed, which has been told.
  if (place === undefined) return NOT_TRIED;
  const end = (): void => void place.close();
  around.kill.addEventListener("abort", end, { once: true });
  display.lend(true);
  try {
    return await place.run(request.trial!.command, around.environment["TERM"]);
  } finally {
    display.lend(false);
    around.kill.removeEventListener("abort", end);
  }
}

async function placeFor(asked: Asked, display: Display): Promise<Place | undefined> {
  const { request, around, options } = asked;
  const { extension, others, boot: isBooted } = request.trial!;
  const build = await around.lockBuild(options, "everything");
  try {
    const images = await imagesOf(build, [extension, ...others]);
    const targets = [...images.extensions, ...(isBooted ? [images.base] : [])].map(
      ({ recipe }) => `${recipe}:do_image`,
    );
    if (!isBooted) targets.push(`${images.base.recipe}:do_base_tree`);
    // It has fakeroot in its sysroot.
    if (!isRoot()) targets.push(`${extension}:do_prepare_recipe_sysroot`);
    const { summary, outputs } = await build.build({ ...buildRequest(request, around), targets });
    if (summary?.ok === false) {
      display.conclude(summary, outputs);
      return undefined;
    }
    const work = join(images.extensions[0]!.values("WORKDIR"), "try");
    await mkdir(work, { recursive: true });
    const scratch = await scratchFolder(join(work, "merged-"));
    const remove = () => rm(scratch, { recursive: true, force: true });
    try {
      const place = await (isBooted ? bootedIn(images, scratch, around.kill) : mergedIn(images, scratch));
      const close = async (): Promise<void> => {
        await place.close();
        await remove();
      };
      return { run: place.run, close, [Symbol.asyncDispose]: close };
    } catch (error) {
      await remove();
      throw error;
    }
  } finally {
    await build.close();
  }
}

function isRoot(): boolean {
  return process.getuid?.() === 0;
}

async function mergedIn({ base, extensions }: Images, work: string): Promise<Place> {
  const baseTree = join(base.values("BASE_TREE_DIR"), base.values("PN"), "rootfs.tar");
  const fakeroot = isRoot() ? undefined : extensions[0]!.values("RECIPE_SYSROOT_NATIVE");
  const trees = [baseTree, ...inMergeOrder(extensions).flatMap(treesOf)];
  const merged = await openMergedTree({ trees, work, fakeroot });
  return { ...merged, run: (command, term) => runInTree(merged, command, term) };
}

function bootedIn({ base, extensions }: Images, work: string, signal: AbortSignal): Promise<Place> {
  const named = extensions.flatMap((one) =>
    treesOf(one).map((tree, at) => ({
      name: one.values("SYSEXT_NAME"),
      tree,
      isConfext: at > 0 || one.values("SYSEXT_KIND") === "confext",
    })),
  );
  return boot({ base: treeOf(base), extensions: named, work, signal });
}

/** An image's recipe, as it is called in this project, and its variables. */
interface Image {
  readonly recipe: string;
  /** "" for what is not set. */
  readonly values: (name: Name) => string;
}

const NAMES = [
  "BASE_TREE_DIR",
  "IMAGE_COMPANION",
  "IMAGE_BASE_PKGDB",
  "IMAGE_TREE",
  "PN",
  "RECIPE_SYSROOT_NATIVE",
  "SYSEXT_KIND",
  "SYSEXT_NAME",
  "WORKDIR",
] as const;
type Name = (typeof NAMES)[number];

interface Images {
  readonly base: Image;
  /** The first one is what was asked for. */
  readonly extensions: readonly Image[];
}

function treeOf({ values }: Image): string {
  return join(values("IMAGE_TREE"), "image.tar");
}

/** And the confext that comes with it. */
function treesOf(image: Image): string[] {
  const companion = image.values("IMAGE_COMPANION");
  const more = companion === "" ? [] : [join(image.values("IMAGE_TREE"), companion, "image.tar")];
  return [treeOf(image), ...more];
}

/** systemd-sysext merges by names, the last one on top. @see systemd-sysext(8) */
function inMergeOrder(extensions: readonly Image[]): Image[] {
  const name = ({ values }: Image): string => values("SYSEXT_NAME");
  return extensions.toSorted((left, right) => compareImageVersions(name(left), name(right)));
}

/**
 * Extensions, with those that they are built on, and the base of all.
 *
 * @throws BuildError `cli/no-extension`, `cli/different-bases`; when nothing provides a target
 */
async function imagesOf(
  build: Pick<LockedBuild, "variablesOf">,
  targets: readonly string[],
): Promise<Images> {
  const images = new Map<string, Image>();
  let base: Image | undefined;
  for (const target of targets) {
    let image = await imageOf(build, target);
    if (image.values("IMAGE_BASE_PKGDB") === "") throw new BuildError([noExtension(target)]);
    while (image.values("IMAGE_BASE_PKGDB") !== "" && !images.has(image.recipe)) {
      images.set(image.recipe, image);
      const [, prefix = ""] = /^(mc:[^:]*:)/.exec(image.recipe) ?? [];
      image = await imageOf(build, prefix + image.values("IMAGE_BASE_PKGDB"));
    }
    if (images.has(image.recipe)) continue;
    if (base !== undefined && base.recipe !== image.recipe)
      throw new BuildError([differentBases([targets[0]!, base.recipe], [target, image.recipe])]);
    base = image;
  }
  // One extension that is its own base is an error of the graph, which the build tells.
  const extensions = [...images.values()];
  return { base: base ?? extensions[0]!, extensions };
}

async function imageOf(build: Pick<LockedBuild, "variablesOf">, recipe: string): Promise<Image> {
  const found = await build.variablesOf(recipe, NAMES);
  return { recipe, values: (name) => found.get(name) ?? "" };
}
