/** The catalog of a folder of objects. */
import { readdirSync, statSync, type Dirent } from "node:fs";
import { rm, stat } from "node:fs/promises";
import { join } from "node:path";
import { setImmediate } from "node:timers/promises";
import { AT_ONCE, eachLimited, hasCode, ifThere } from "@tsbake/base";
import { BESIDE, groupFiles, type Catalog, type ListedFile, type StoredObject } from "./catalog.js";
import { lockFolder } from "./trust.js";

/** @param folder one that is not there has nothing */
export function folderCatalog(folder: string): Catalog {
  return {
    list: (onProgress) => groupFiles(filesBelow(folder, ""), onProgress),
    removeUnused: ({ path, usedMs }) => removeObject(join(folder, path), usedMs),
  };
}

/** Everything in a folder, sorted by path. */
export function listStore(folder: string): Promise<StoredObject[]> {
  return folderCatalog(folder).list();
}

/** Deletes an object with what stands beside it. @param object its path @throws system errors */
export function removeStored(object: string): Promise<boolean> {
  return removeObject(object, Infinity);
}

/**
 * The artifact first: a reader never sees it without its checksum. Under the lock of those who publish: what somebody has
 * used or made again since we have looked stays.
 */
async function removeObject(object: string, usedMs: number): Promise<boolean> {
  const files = BESIDE.map((suffix) => `${object}${suffix}`);
  try {
    await using _lock = await lockFolder(object);
    const times = await eachLimited(files, AT_ONCE, (path) => ifThere(stat(path)));
    if (times.some((found) => found !== undefined && found.mtimeMs > usedMs)) return false;
    for (const path of files) await rm(path, { force: true });
    return true;
  } catch (error) {
    // Its folder is gone.
    if (!hasCode(error, "ENOENT")) throw error;
    return false;
  }
}

/**
 * Every file of the store. Without a promise for each: a store holds hundreds of thousands, and most are known to the
 * system already. Others have their turn between two folders.
 */
async function* filesBelow(folder: string, below: string): AsyncGenerator<ListedFile> {
  const folders: string[] = [];
  for (const one of readFolder(join(folder, below))) {
    const path = below === "" ? one.name : `${below}/${one.name}`;
    if (one.isDirectory()) folders.push(path);
    else if (one.isFile()) {
      const found = statSync(join(folder, path), { throwIfNoEntry: false });
      if (found) yield { path, sizeBytes: found.size, changedMs: found.mtimeMs };
    }
  }
  await setImmediate();
  for (const path of folders) yield* filesBelow(folder, path);
}

function readFolder(folder: string): Dirent[] {
  try {
    return readdirSync(folder, { withFileTypes: true });
  } catch (error) {
    // Pruned by someone else meanwhile.
    if (!hasCode(error, "ENOENT")) throw error;
    return [];
  }
}
