/** do_rootfs of an extension: on the base's database alone where nothing has to run, else on the base's tree. */
import { BuildError } from "@tsbake/base";
import type { LayerFacts } from "../facts/facts.js";
import * as problems from "../problems.js";
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
  const done = await installOnDatabase(options);
  if ("facts" in done) return done.facts;
  const { running, solution, sources } = done;
  if (scripts !== "merged" || baseTree === undefined)
    throw new BuildError([problems.scriptsRefused(running)]);
  const more = running.length - MOST_NAMED;
  onProgress(`runs: ${running.slice(0, MOST_NAMED).join(", ")}${more > 0 ? ` and ${more} more` : ""}`);
  return installOnTree({ ...options, baseTree, solution, sources });
}
