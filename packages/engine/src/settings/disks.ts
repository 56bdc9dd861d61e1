/** Where a build writes to, and what is told when it cannot. */
import { tmpdir } from "node:os";
import { BuildError, diskProblem } from "@tsbake/base";
import type { ParsedProject } from "@tsbake/recipe";

/** The folders whose disk may get full, those that get most first. */
export function writtenFolders(
  project: Pick<ParsedProject, "configurationText" | "multiconfigs">,
): readonly string[] {
  const temporary = project.multiconfigs.map((name) => project.configurationText("TMPDIR", name));
  const others = ["SSTATE_DIR", "DL_DIR", "CACHE", "TOPDIR"].map((name) => project.configurationText(name));
  return [...temporary, ...others, tmpdir()].flatMap((folder) => folder || []);
}

/**
 * Does `work`, and names the disk when one takes nothing more.
 *
 * @throws BuildError `base/disk-full`, `base/disk-read-only` in place of such errors; all others as they are
 */
export async function namingDisks<Result>(
  folders: readonly string[],
  work: () => Promise<Result>,
): Promise<Result> {
  try {
    return await work();
  } catch (error) {
    const diagnostic = diskProblem(error, folders);
    if (!diagnostic) throw error;
    throw new BuildError([diagnostic], { cause: error });
  }
}
