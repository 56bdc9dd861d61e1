/** Opens a build folder: holds it, reads what is in it, and gives what answers for it. */
import type { Span } from "@tsbake/base";
import { locateBuild } from "@tsbake/project";
import { resolveDoubt, withPython } from "@tsbake/run";
import { OpenedBuild } from "./build.js";
import type { Build, LockedBuild, OpenOptions } from "./build-types.js";
import { HeldFolders } from "./phases/folders.js";
import { makeBuildFolder, parseFolder, type ParsedFolder } from "./phases/parse.js";
import { namingDisks } from "./settings/disks.js";
import { checkSettings } from "./settings/settings.js";

/**
 * For questions: others may build in the folder meanwhile.
 *
 * @throws BuildError with every problem of configuration and recipes
 */
export function openBuild(options: OpenOptions): Promise<Build> {
  return open(options, "nothing");
}

/**
 * For a build, or a question whose answer goes by stamps: nobody else builds in these folders until it is closed.
 *
 * @param holds `everything`: each TMPDIR, too, which then has to be writable. `build folder`: nothing will be built
 * @throws BuildError with every problem of configuration and recipes, of settings and folders
 */
export function lockBuild(options: OpenOptions, holds: "build folder" | "everything"): Promise<LockedBuild> {
  return open(options, holds);
}

async function open(
  options: OpenOptions,
  holds: "nothing" | "build folder" | "everything",
): Promise<OpenedBuild> {
  const location = locateBuild(options.directory, options.environment, options.projectFiles);
  const { topdir } = location;
  return namingDisks([topdir, options.directory], async () => {
    await makeBuildFolder(location);
    const folders = new HeldFolders({
      command: options.command,
      onWait: (holder) => options.onEvent({ type: "build-lock-wait", holder }),
    });
    try {
      if (holds !== "nothing") await folders.holdBuildFolder(topdir);
      // Whoever asks while others build changes no layers beneath them.
      const beforeChange = (): Promise<void> => folders.holdBuildFolder(topdir);
      let parsed = await parseFolder(location, options, beforeChange);
      while (holds === "everything" && (await holdTemporary(parsed, folders, options))) {
        // Whoever had it may have changed what we read, or we have waited for hours.
        parsed.python.close();
        parsed = await parseFolder(location, options, beforeChange);
      }
      return new OpenedBuild(parsed, folders, options);
    } catch (error) {
      await folders[Symbol.asyncDispose]();
      throw error;
    }
  });
}

/** Each TMPDIR: another build folder may have the same. @returns whether somebody else had one */
async function holdTemporary(
  parsed: ParsedFolder,
  folders: HeldFolders,
  { onEvent }: OpenOptions,
): Promise<boolean> {
  const { project, topdir, python } = parsed;
  const placeOf = (variable: string): Promise<Span | undefined> =>
    withPython(python.open, () => project.configuration().spanOf(variable));
  await checkSettings(topdir, project, placeOf);
  const temporary = project.multiconfigs.map((name) => project.configurationText("TMPDIR", name) ?? topdir);
  const hasWaited = await folders.holdAlso(temporary);
  for (const tmpdir of new Set(temporary)) {
    const diagnostic = await resolveDoubt(tmpdir);
    if (diagnostic) onEvent({ type: "engine-warning", diagnostic });
  }
  return hasWaited;
}
