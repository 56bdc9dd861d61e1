/**
 * do_rootfs of an extension: written from its packages alone where nothing has to run, by dpkg on the base's database where it has to
 * decide something, else on the base's tree.
 */
import { BuildError } from "@tsbake/base";
import type { LayerFacts } from "../facts/facts.js";
import * as problems from "../problems.js";
import { composeLayer } from "./composed.js";
import { decideInstall } from "./decide.js";
import { installOnDatabase } from "./on-database.js";
import { installOnTree } from "./on-tree.js";
import type { LayerOptions } from "./options.js";

/** More are counted. */
const MOST_NAMED = 5;

/**
 * @throws BuildError `image/scripts-refused`, `image/no-base-tree`, `image/bad-snapshot`, `image/base-file-removed`,
 *   `packaging/base-changed`, `packaging/install-failed`, …
 */
export async function installExtension(options: LayerOptions): Promise<LayerFacts> {
  const { scripts, baseTree, onProgress } = options;
  if (scripts === "merged" && baseTree === undefined) throw new BuildError([problems.noBaseTree()]);
  const decided = await decideInstall(options);
  let { running } = decided;
  if (running.length === 0) {
    const done = (await composeLayer(options, decided)) ?? (await installOnDatabase(options, decided));
    if ("facts" in done) return done.facts;
    ({ running } = done);
  }
  if (scripts !== "merged" || baseTree === undefined)
    throw new BuildError([problems.scriptsRefused(running)]);
  const more = running.length - MOST_NAMED;
  onProgress(`runs: ${running.slice(0, MOST_NAMED).join(", ")}${more > 0 ? ` and ${more} more` : ""}`);
  const { snapshot, solution, sources } = decided;
  return installOnTree({ ...options, baseTree, snapshot, solution, sources });
}
