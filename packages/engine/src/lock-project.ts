/** `tsbake lock`: the commits of a project's repositories, kept in its lock file. Nothing of the metadata is read. */
import { BuildError } from "@tsbake/base";
import { locateBuild, lockProject, type LockedRepository } from "@tsbake/project";
import type { OpenOptions } from "./build-types.js";
import { HeldFolders } from "./phases/folders.js";
import { makeBuildFolder } from "./phases/parse.js";
import { projectOptions } from "./phases/project.js";
import { noProjectFile } from "./problems.js";

/**
 * @param updates what is locked is looked up anew, too
 * @throws BuildError `engine/no-project-file`, and with all that is wrong with the project file or its repositories
 */
export async function lockRepositories(
  options: OpenOptions,
  updates: boolean,
): Promise<readonly LockedRepository[]> {
  const location = locateBuild(options.directory, options.environment, options.projectFiles);
  const { topdir, projectFile } = location;
  if (projectFile === undefined) throw new BuildError([noProjectFile(topdir)]);
  await makeBuildFolder(location);
  await using folders = new HeldFolders({
    command: options.command,
    onWait: (holder) => options.onEvent({ type: "build-lock-wait", holder }),
  });
  await folders.holdBuildFolder(topdir);
  const beforeChange = (): Promise<void> => Promise.resolve();
  const asked = await projectOptions(location, options, { beforeChange, updates });
  // Waited for here: what is held is let go on the way out.
  return await lockProject(projectFile, asked);
}
