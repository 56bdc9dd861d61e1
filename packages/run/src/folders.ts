/** [dirs] and [cleandirs]: folders made, or emptied first, before a function runs. */
import { mkdir, rm } from "node:fs/promises";
import { hasCode, run } from "@tsbake/base";
import { findProgram } from "./isolation.js";

/** Removes each folder (shell patterns allowed) and makes it again, empty. @throws system errors */
export async function cleanFolders(folders: readonly string[]): Promise<void> {
  for (const folder of folders) {
    if (/[*?[]/.test(folder)) {
      await run("/bin/sh", ["-c", "IFS=; rm -rf -- $1", "sh", folder]);
      continue;
    }
    await removeFolder(folder);
    await mkdir(folder, { recursive: true });
  }
}

/** Removes a folder with all in it, also what a task left there under ids of a user namespace. @throws system errors */
export async function removeFolder(folder: string): Promise<void> {
  try {
    await rm(folder, { recursive: true, force: true });
  } catch (error) {
    if (process.getuid?.() === 0 || !hasCode(error, "EACCES", "EPERM")) throw error;
    // Read-only folders of ours, or files of subordinate ids: root of a namespace may remove both.
    const unshare = findProgram("unshare");
    if (unshare === undefined) throw error;
    for (const map of [["--map-root-user", "--map-auto"], ["--map-root-user"]]) {
      const { code } = await run(unshare, ["--user", ...map, "--", "rm", "-rf", "--", folder]);
      if (code === 0) return;
    }
    throw error;
  }
}
