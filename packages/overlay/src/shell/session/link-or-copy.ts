/** One file at a second place. */
import { copyFile, link } from "node:fs/promises";
import { constants } from "node:fs";
import { hasCode } from "@tsbake/base";

/** The same file where that can be, a copy elsewhere. For what nobody writes to: a lower layer, a pool of packages. */
export async function linkOrCopy(from: string, to: string): Promise<void> {
  try {
    await link(from, to);
  } catch (error) {
    if (!hasCode(error, "EXDEV", "EPERM", "EMLINK", "EACCES")) throw error;
    await copyFile(from, to, constants.COPYFILE_FICLONE);
  }
}
