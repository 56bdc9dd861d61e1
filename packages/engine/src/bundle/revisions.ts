/** Which commits the layers of a build are of. */
import { hasCode, run } from "@tsbake/base";
import type { Layer } from "@tsbake/recipe";
import type { BundleContents } from "./manifest.js";

/** Of a layer that is in no repository, or on a machine without git, the name alone. */
export async function layerRevisions(layers: readonly Layer[]): Promise<BundleContents["layers"]> {
  const found: BundleContents["layers"][number][] = [];
  for (const { name, path } of layers) {
    const revision = await git(path, ["rev-parse", "--verify", "HEAD"]);
    const changes = revision === undefined ? "" : await git(path, ["status", "--porcelain", "--", "."]);
    found.push({
      name,
      ...(revision !== undefined && { revision }),
      ...(changes !== "" && { modified: true as const }),
    });
  }
  return found;
}

async function git(folder: string, args: readonly string[]): Promise<string | undefined> {
  // A layer of another user is read, and nothing of its configuration is run.
  const safe = ["-c", "safe.directory=*", "-c", "core.fsmonitor=false", "-C", folder];
  try {
    const { code, stdout } = await run("git", [...safe, ...args], { mayFail: true });
    return code === 0 ? stdout.trim() : undefined;
  } catch (error) {
    if (hasCode(error, "ENOENT")) return undefined;
    throw error;
  }
}
