/** Names for the completion of a command line. */
import { cachedNames } from "@tsbake/recipe";
import type { CachedNames } from "@tsbake/recipe";
import { locateBuild } from "@tsbake/project";

/** Of the build that a command typed in `directory` would mean; empty where there is none. Never throws. */
export async function completionNames(
  directory: string,
  environment: Readonly<Record<string, string>>,
): Promise<CachedNames> {
  try {
    return await cachedNames(locateBuild(directory, environment).topdir);
  } catch {
    return { targets: [], tasks: [] };
  }
}
