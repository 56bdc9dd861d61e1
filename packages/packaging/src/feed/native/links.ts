/** Links of a tree that is put wherever it is needed: they lead to what is in the tree, wherever that is. */
import { readlink, realpath, rm, symlink } from "node:fs/promises";
import { dirname, join, relative } from "node:path";
import { walk } from "../../layout/walk.js";

/** Stands before the target of a link that is not to be followed yet; no folder has such a name. */
export const HELD_LINK = ".tsbake-held:";

/**
 * Gives links their targets back and makes absolute ones relative to `root`. Sorted walk; other file types stay as they are.
 */
export async function relativeLinks(root: string): Promise<void> {
  const absolute: { full: string; target: string }[] = [];
  for (const path of await walk(root, (entry) => entry.isSymbolicLink())) {
    const full = join(root, path);
    const written = await readlink(full);
    const target = written.startsWith(HELD_LINK) ? written.slice(HELD_LINK.length) : written;
    if (target.startsWith("/")) absolute.push({ full, target });
    else if (target !== written) {
      await rm(full);
      await symlink(target, full);
    }
  }
  for (const { full, target } of absolute) {
    // Seen from where the link really is: its folder may be reached through another link (/lib → usr/lib).
    const from = await realpath(dirname(full));
    await rm(full);
    await symlink(relative(from, join(await realpath(root), target)) || ".", full);
  }
}
