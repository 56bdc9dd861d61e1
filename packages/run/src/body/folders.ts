/** [dirs] and [cleandirs]: folders made, or emptied first, before a function runs. */
import { hasCode, lastLines, makeFolderSync, removeTree, run } from "@tsbake/base";
import { findProgram } from "@tsbake/sandbox";

/**
 * Removes each folder and makes it again, empty. What a pattern of the shell matches is removed only.
 *
 * @param mode as for `makeFolderSync`
 * @throws system errors, or one with the words of `rm`
 */
export async function cleanFolders(folders: readonly string[], mode?: number): Promise<void> {
  for (const folder of folders) {
    if (/[*?[]/.test(folder)) {
      const words = ["-c", "IFS=; rm -rf -- $1", "sh", folder];
      const { code, signal, stderr } = await run("/bin/sh", words, { mayFail: true });
      if (code !== 0) throw new Error(lastLines(stderr, 3) || `\`rm\` ended with ${code ?? signal}`);
      continue;
    }
    await removeFolder(folder);
    makeFolderSync(folder, mode);
  }
}

/** Removes a folder with all in it, also what a task left there under ids of a user namespace. @throws system errors */
export async function removeFolder(folder: string): Promise<void> {
  try {
    await removeTree(folder);
  } catch (error) {
    const unshare = findProgram("unshare");
    if (process.getuid?.() === 0 || unshare === undefined || !hasCode(error, "EACCES", "EPERM")) throw error;
    // Files of subordinate ids: root of a namespace may remove them.
    const namespace = ["--user", "--map-root-user", "--map-auto", "--"];
    const { code } = await run(unshare, [...namespace, "rm", "-rf", "--", folder], { mayFail: true });
    if (code !== 0) throw error;
  }
}
