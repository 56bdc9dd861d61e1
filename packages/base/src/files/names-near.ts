/** Files that somebody who named one that is not there may have meant. */
import { readdirSync } from "node:fs";
import { basename, dirname, extname } from "node:path";
import { nearest } from "../text/nearest.js";

/** Names of the same ending beside files that are not there; for "is … meant?". */
export function namesNear(paths: readonly string[]): string[] {
  const near = paths.flatMap((path) => {
    const ending = extname(path);
    const names = namesIn(dirname(path)).filter((name) => extname(name) === ending);
    return nearest(
      basename(path, ending),
      names.map((name) => basename(name, ending)),
    );
  });
  return [...new Set(near)].slice(0, 3);
}

function namesIn(folder: string): string[] {
  try {
    return readdirSync(folder);
  } catch {
    return [];
  }
}
