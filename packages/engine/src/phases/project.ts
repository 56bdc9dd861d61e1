/** What of the caller counts for a project file, and how its repositories are brought. */
import { join, resolve } from "node:path";
import { readTextIfThere } from "@tsbake/base";
import type { BringOptions, BuildLocation, ProjectOptions } from "@tsbake/project";
import type { OpenOptions } from "../build-types.js";

/** @throws system errors of reading conf/local.conf */
export async function projectOptions(
  { topdir, workFolder, moreFiles }: BuildLocation,
  { directory, environment, preFiles, postFiles, onEvent }: OpenOptions,
  bring: Pick<BringOptions, "beforeChange" | "updates">,
): Promise<ProjectOptions & { readonly bring: BringOptions }> {
  const named = (files: readonly string[]): string[] => files.map((file) => resolve(directory, file));
  const paths = [...named(preFiles), join(topdir, "conf/local.conf"), ...named(postFiles)];
  const configuration: string[] = [];
  for (const path of paths) configuration.push((await readTextIfThere(path)) ?? "");
  return {
    environment,
    ...(workFolder !== undefined && { workFolder }),
    ...(moreFiles && { moreFiles }),
    bring: {
      ...bring,
      configuration,
      onStep: (text, percent) => onEvent({ type: "step", text, ...(percent !== undefined && { percent }) }),
      onWarning: (diagnostic) => onEvent({ type: "engine-warning", diagnostic }),
    },
  };
}
