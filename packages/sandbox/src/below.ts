/** Folders that several strangers fill: nothing is written in one of them through a link that another has put there. */
import { realpathSync } from "node:fs";
import { fsPath, hasCode, nameOf } from "@tsbake/base";

/**
 * Whether a path that is there lies below `top`, whatever links lead to it. `top` itself and what is above it are ours: a link
 * there is followed.
 *
 * Right until somebody else writes below `top`: ask and write in one go.
 */
export function staysBelow(top: string, path: string): boolean {
  try {
    const [outer, inner] = [top, path].map((one) => nameOf(realpathSync.native(fsPath(one), "buffer")));
    return inner!.startsWith(`${outer!}/`);
  } catch (error) {
    // A link to nowhere, or in a circle.
    if (hasCode(error, "ENOENT", "ENOTDIR", "ELOOP")) return false;
    throw error;
  }
}
