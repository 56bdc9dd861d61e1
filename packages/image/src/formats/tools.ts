/** What all formats need: the program that makes one, and ids that follow from the content. */
import { access, constants } from "node:fs/promises";
import { delimiter, join } from "node:path";
import { BuildError, ifReachable } from "@tsbake/base";
import * as problems from "../problems.js";

/** The absolute path of a program. @throws BuildError `image/no-tool` */
export async function programOn(name: string, recipe: string): Promise<string> {
  for (const folder of (process.env["PATH"] ?? "").split(delimiter)) {
    const path = join(folder, name);
    // A folder of PATH may be closed to this user, and a file of that name no program.
    const found = await ifReachable(access(path, constants.X_OK).then(() => path));
    if (folder !== "" && found !== undefined) return found;
  }
  throw new BuildError([problems.noTool(name, recipe)]);
}

/** A name-based UUID of our own making. @see RFC 9562, version 8 */
export function uuidOf(digest: string): string {
  const variant = ((Number.parseInt(digest[16] ?? "0", 16) & 0x3) | 0x8).toString(16);
  return [
    digest.slice(0, 8),
    digest.slice(8, 12),
    `8${digest.slice(13, 16)}`,
    `${variant}${digest.slice(17, 20)}`,
    digest.slice(20, 32),
  ].join("-");
}
