/** Which commits the layers of a build are of. */
import { git } from "@tsbake/base";
import type { Layer } from "@tsbake/recipe";
import type { BundleContents } from "./manifest.js";

/** Of a layer that is in no repository, or on a machine without git, the name alone. */
export async function layerRevisions(layers: readonly Layer[]): Promise<BundleContents["layers"]> {
  const found: BundleContents["layers"][number][] = [];
  for (const { name, path } of layers) {
    const revision = await asked(path, ["rev-parse", "--verify", "HEAD"]);
    const changes = revision === undefined ? "" : await asked(path, ["status", "--porcelain", "--", "."]);
    found.push({
      name,
      ...(revision !== undefined && { revision }),
      ...(changes !== "" && { modified: true as const }),
    });
  }
  return found;
}

/** What git says of a layer's folder; undefined where it is in no repository, or there is no git. */
async function asked(folder: string, args: readonly string[]): Promise<string | undefined> {
  const { code, stdout } = await git(["-C", folder, ...args]);
  return code === 0 ? stdout.trim() : undefined;
}
