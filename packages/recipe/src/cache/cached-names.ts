/** Names of recipes and tasks for a shell that completes a command line: from the parse cache as it is, without a look at the sources. */
import { readdir, readFile, stat } from "node:fs/promises";
import { join } from "node:path";
import { ignoreSystemErrors, jsonObject, sortedUnique } from "@tsbake/base";

export interface CachedNames {
  /** Recipes and what they provide, sorted. */
  readonly targets: readonly string[];
  /** With `do_`, sorted. */
  readonly tasks: readonly string[];
}

/**
 * What the newest parse cache of a build folder names; nothing where there is none or it cannot be read. It may be older
 * than the recipes: a stale suggestion harms nobody, and a parse would keep the person waiting.
 */
export async function cachedNames(topdir: string): Promise<CachedNames> {
  const text = (await ignoreSystemErrors(newestCache(join(topdir, "cache")))) ?? "";
  const targets: string[] = [];
  const tasks: string[] = [];
  // A digest and a header stand in front.
  for (const line of text.split("\n").slice(2)) {
    for (const info of infosOf(line)) {
      targets.push(info.pn, ...info.provides);
      tasks.push(...Object.keys(info.tasks));
    }
  }
  return { targets: sortedUnique(targets), tasks: sortedUnique(tasks) };
}

async function newestCache(folder: string): Promise<string> {
  let newest = { path: "", timeMs: -1 };
  for (const name of await readdir(folder)) {
    if (!/^recipes\.[0-9a-f]+\.jsonl$/.test(name)) continue;
    const path = join(folder, name);
    const { mtimeMs } = await stat(path);
    if (mtimeMs > newest.timeMs) newest = { path, timeMs: mtimeMs };
  }
  return newest.path === "" ? "" : readFile(newest.path, "utf8");
}

interface Named {
  readonly pn: string;
  readonly provides: readonly string[];
  readonly tasks: object;
}

function infosOf(line: string): Named[] {
  // The last line of a file that is just being replaced is broken off, or an empty one.
  const infos = jsonObject(line)?.["infos"];
  return Array.isArray(infos) ? infos.filter(isNamed) : [];
}

function isNamed(data: unknown): data is Named {
  if (typeof data !== "object" || data === null) return false;
  const { pn, provides, tasks } = data as Partial<Record<keyof Named, unknown>>;
  return typeof pn === "string" && Array.isArray(provides) && typeof tasks === "object" && tasks !== null;
}
