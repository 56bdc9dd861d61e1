/** Which build a command means: the project file or build folder found from the current folder upwards. */
import { existsSync } from "node:fs";
import { dirname, join, resolve } from "node:path";
import { BuildError } from "@tsbake/base";
import { noProject } from "./problems.js";

/** Name of the project file, in the format of kas. */
const PROJECT_FILE = "tsbake.yaml";

export interface BuildLocation {
  /** Folder with conf/bblayers.conf (TOPDIR). */
  readonly topdir: string;
  /** The project file that this build's configuration is generated from, when there is one. */
  readonly projectFile?: string;
  /** Metadata without layers: BBPATH of the environment leads to `conf/bitbake.conf`, and no core layer is added. */
  readonly isPlain?: true;
}

/**
 * A folder with `conf/bblayers.conf` is a build folder, as for BitBake; one with `tsbake.yaml` is a project, whose build
 * folder is `build` below it (or TSBAKE_BUILD_DIR). The nearest of either wins. Where neither is in sight, BBPATH of the
 * environment names metadata without layers, and the build folder is TOPDIR of the environment or `cwd`.
 *
 * @throws BuildError `project/no-project`
 */
export function locateBuild(cwd: string, environment: Readonly<Record<string, string>>): BuildLocation {
  for (let folder = resolve(cwd); ; folder = dirname(folder)) {
    const projectFile = join(folder, PROJECT_FILE);
    if (existsSync(projectFile)) {
      const asked = environment["TSBAKE_BUILD_DIR"];
      return { topdir: asked ? resolve(cwd, asked) : join(folder, "build"), projectFile };
    }
    if (existsSync(join(folder, "conf/bblayers.conf"))) {
      const above = join(dirname(folder), PROJECT_FILE);
      // A build folder that a project file made stays in step with it, wherever the command is typed.
      return existsSync(above) ? { topdir: folder, projectFile: above } : { topdir: folder };
    }
    if (folder === dirname(folder)) break;
  }
  if (environment["BBPATH"]) return { topdir: resolve(cwd, environment["TOPDIR"] ?? ""), isPlain: true };
  throw new BuildError([noProject(resolve(cwd))]);
}
