/** Which build a command means: the project file or build folder found from the current folder upwards. */
import { existsSync, readdirSync } from "node:fs";
import { dirname, join, resolve } from "node:path";
import { BuildError, byText } from "@tsbake/base";
import { noProject } from "./problems.js";

/** Names of the project file, in the format of kas: the first that is there. */
const PROJECT_FILES = ["tsbake.yaml", "tsbake.yml", "tsbake.json"];

export interface BuildLocation {
  /** Folder with conf/bblayers.conf (TOPDIR). */
  readonly topdir: string;
  /** The project file that this build's configuration is generated from, when there is one. */
  readonly projectFile?: string;
  /** Those behind the first of `a.yml:b.yml`. */
  readonly moreFiles?: readonly string[];
  /** Where relative paths of repositories start, when that is not the folder of the project file. */
  readonly workFolder?: string;
  /** Metadata without layers: BBPATH of the environment leads to `conf/bitbake.conf`, and no core layer is added. */
  readonly isPlain?: true;
}

/**
 * A folder with `conf/bblayers.conf` is a build folder, as for BitBake; one with `tsbake.yaml` is a project, whose build
 * folder is `build` below it (or TSBAKE_BUILD_DIR, or kas' KAS_BUILD_DIR). The nearest of either wins. Where neither is in
 * sight, BBPATH of the environment names metadata without layers, and the build folder is TOPDIR of the environment or `cwd`.
 *
 * @param files project files that are named instead, the folder `cwd` being that of the project, as for kas
 * @throws BuildError `project/no-project`
 */
export function locateBuild(
  cwd: string,
  environment: Readonly<Record<string, string>>,
  files: readonly string[] = [],
): BuildLocation {
  const project = (projectFile: string, folder: string, topdir?: string): BuildLocation => {
    const work = environment["KAS_WORK_DIR"];
    const asked = environment["TSBAKE_BUILD_DIR"] || environment["KAS_BUILD_DIR"];
    const workFolder = work ? resolve(cwd, work) : folder;
    return {
      topdir: topdir ?? (asked ? resolve(cwd, asked) : join(workFolder, "build")),
      projectFile,
      ...(workFolder !== dirname(projectFile) && { workFolder }),
    };
  };
  const [first, ...others] = files.map((file) => resolve(cwd, file));
  if (first !== undefined) {
    return { ...project(first, resolve(cwd)), ...(others.length > 0 && { moreFiles: others }) };
  }
  for (let folder = resolve(cwd); ; folder = dirname(folder)) {
    const projectFile = projectFileIn(folder);
    if (projectFile !== undefined) return project(projectFile, folder);
    if (existsSync(join(folder, "conf/bblayers.conf"))) {
      const above = projectFileIn(dirname(folder));
      // A build folder that a project file made stays in step with it, wherever the command is typed.
      return above === undefined ? { topdir: folder } : project(above, dirname(folder), folder);
    }
    if (folder === dirname(folder)) break;
  }
  if (environment["BBPATH"]) return { topdir: resolve(cwd, environment["TOPDIR"] ?? ""), isPlain: true };
  throw new BuildError([noProject(resolve(cwd), kasFilesIn(cwd))]);
}

function projectFileIn(folder: string): string | undefined {
  return PROJECT_FILES.map((name) => join(folder, name)).find((path) => existsSync(path));
}

/** Files that kas would be given: they are named on the command line. */
function kasFilesIn(folder: string): string[] {
  const names = namesIn(folder).filter((name) => /^(\.config|kas.*)\.(ya?ml|json)$/.test(name));
  return names.filter((name) => !/\.lock\.\w+$/.test(name)).sort(byText);
}

function namesIn(folder: string): string[] {
  try {
    return readdirSync(folder);
  } catch {
    return [];
  }
}
