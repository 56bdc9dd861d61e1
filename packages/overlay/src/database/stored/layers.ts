/** Files of a tree, or of an upper folder over one: the topmost layer that knows a path decides. Links are not followed. */
import { lstat, readdir, readFile, readlink } from "node:fs/promises";
import { join } from "node:path";
import { AT_ONCE, eachLimited, ifThere, undefinedOn } from "@tsbake/base";

export interface Layers {
  /** Of an ordinary file, one byte a character. */
  text(path: string): Promise<string | undefined>;
  /** Names in a folder, sorted. */
  names(folder: string): Promise<string[]>;
  /** Texts of a folder's ordinary files, by name. */
  texts(folder: string): Promise<Map<string, string>>;
  link(path: string): Promise<string | undefined>;
}

/** @param roots the topmost first; a character device hides what is below */
export function openLayers(roots: readonly string[]): Layers {
  const find = async (path: string) => {
    for (const root of roots) {
      const full = join(root, path);
      const status = await undefinedOn(lstat(full), "ENOENT", "ENOTDIR");
      if (status === undefined) continue;
      return status.isCharacterDevice() ? undefined : { full, status };
    }
    return undefined;
  };
  const layers: Layers = {
    async text(path) {
      const found = await find(path);
      return found?.status.isFile() ? readFile(found.full, "latin1") : undefined;
    },
    async names(folder) {
      const all = new Map<string, boolean>();
      for (const root of roots) {
        const entries = (await ifThere(readdir(join(root, folder), { withFileTypes: true }))) ?? [];
        for (const entry of entries)
          if (!all.has(entry.name)) all.set(entry.name, !entry.isCharacterDevice());
      }
      return [...all].flatMap(([name, isShown]) => (isShown ? [name] : [])).sort();
    },
    async texts(folder) {
      const names = await layers.names(folder);
      const found = await eachLimited(names, AT_ONCE, (name) => layers.text(`${folder}/${name}`));
      return new Map(names.flatMap((name, at) => (found[at] === undefined ? [] : [[name, found[at]]])));
    },
    async link(path) {
      const found = await find(path);
      return found?.status.isSymbolicLink() ? readlink(found.full) : undefined;
    },
  };
  return layers;
}
