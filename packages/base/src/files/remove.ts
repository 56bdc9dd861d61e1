/** Removing trees that do not want to be removed. */
import { rm } from "node:fs/promises";
import { hasCode } from "../diagnostics/errno.js";
import { run } from "../process/process.js";

/**
 * Removes a file or a whole tree; what is not there is fine. Folders without write permission, which an ordinary
 * user may find in an unpacked archive, are opened first.
 *
 * @throws system errors: EACCES, EPERM when it belongs to someone else
 */
export async function removeTree(path: string): Promise<void> {
  try {
    await rm(path, { recursive: true, force: true });
  } catch (error) {
    if (!hasCode(error, "EACCES", "EPERM")) throw error;
    // What it cannot open, the second attempt names.
    await run("chmod", ["-R", "u+rwX", "--", path], { mayFail: true });
    await rm(path, { recursive: true, force: true });
  }
}
