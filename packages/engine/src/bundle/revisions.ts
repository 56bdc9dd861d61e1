/** Which commits the layers of a build are of, and whether those of a bundle are the same. */
import { readdir } from "node:fs/promises";
import { join } from "node:path";
import { AT_ONCE, byText, eachLimited, git, ifThere, sha256, sha256File } from "@tsbake/base";
import type { Layer } from "@tsbake/recipe";
import type { BundleContents } from "./manifest.js";
import { showBundle } from "./read.js";

type Revision = BundleContents["layers"][number];

/** Of a layer that is in no repository, or on a machine without git, what its files are; also where they are not as committed. */
export async function layerRevisions(layers: readonly Layer[]): Promise<Revision[]> {
  const found: Revision[] = [];
  for (const { name, path } of layers) {
    const revision = await asked(path, ["rev-parse", "--verify", "HEAD"]);
    const changes = revision === undefined ? "" : await asked(path, ["status", "--porcelain", "--", "."]);
    const isCommitted = revision !== undefined && changes === "";
    found.push({
      name,
      ...(revision !== undefined && { revision }),
      ...(changes !== "" && { modified: true as const }),
      ...(!isCommitted && { content: await contentDigest(path) }),
    });
  }
  return found;
}

/**
 * Layers that a bundle was made with and that the project has, too, in another state.
 *
 * @param bundle its folder
 * @returns a clause each, sorted as the bundle has them
 * @throws BuildError `engine/bad-bundle`
 */
export async function differingLayers(bundle: string, layers: readonly Layer[]): Promise<string[]> {
  const made = (await showBundle(bundle)).layers;
  const shared = layers.filter(({ name }) => made.some((one) => one.name === name));
  const now = new Map((await layerRevisions(shared)).map((one) => [one.name, one]));
  return made.flatMap((was) => {
    const is = now.get(was.name);
    return is === undefined || stateOf(was) === stateOf(is)
      ? []
      : [`the layer ${was.name} is at ${shown(is)}, and was at ${shown(was)}`];
  });
}

/** A commit says all of what is committed; else the files do, whatever they are changes of. */
function stateOf({ revision = "", content }: Revision): string {
  return content ?? revision;
}

function shown({ revision, modified, content = "" }: Revision): string {
  const commit = revision === undefined ? "" : `${revision.slice(0, 12)}${modified ? " with changes " : ""}`;
  return `${commit}${content === "" ? "" : `files ${content.slice(0, 12)}`}`;
}

/** What a layer has no metadata in. */
const LEFT_OUT = new Set(["build", "node_modules", "tests"]);

/** Names and contents of all that recipes and classes can be of. */
async function contentDigest(folder: string): Promise<string> {
  const files: string[] = [];
  const walk = async (below: string): Promise<void> => {
    for (const entry of await readdir(join(folder, below), { withFileTypes: true })) {
      const path = join(below, entry.name);
      if (entry.name.startsWith(".") || LEFT_OUT.has(entry.name)) continue;
      if (entry.isDirectory()) await walk(path);
      else if (entry.isFile()) files.push(path);
    }
  };
  await walk("");
  files.sort(byText);
  const lines = await eachLimited(files, AT_ONCE, async (path) => {
    const digest = await ifThere(sha256File(join(folder, path)));
    return `${path} ${digest ?? ""}\n`;
  });
  return sha256(lines.join(""));
}

/** What git says of a layer's folder; undefined where it is in no repository, or there is no git. */
async function asked(folder: string, args: readonly string[]): Promise<string | undefined> {
  const { code, stdout } = await git(["-C", folder, ...args]);
  return code === 0 ? stdout.trim() : undefined;
}
