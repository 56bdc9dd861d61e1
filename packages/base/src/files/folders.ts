/** Folders made with those above them, and looks at what has a path. */
import { chmodSync, mkdirSync, statSync } from "node:fs";
import { lstat, mkdir, stat } from "node:fs/promises";
import { dirname } from "node:path";
import { hasCode, ifThere } from "../diagnostics/errno.js";
import { fsPath } from "../text/names.js";

/**
 * Makes a folder and those above it. Node's own `recursive` never returns where the file system takes no folders, such
 * as /proc, and says ENOENT of one that is read-only.
 *
 * @throws system errors
 */
export async function makeFolder(path: string): Promise<void> {
  try {
    await mkdir(path);
  } catch (error) {
    if (hasCode(error, "EEXIST", "EISDIR", "EROFS") && (await isFolder(path))) return;
    if (!hasCode(error, "ENOENT") || dirname(path) === path) throw error;
    await makeFolder(dirname(path));
    await mkdir(path).catch((again: unknown) => {
      if (!hasCode(again, "EEXIST")) throw again;
    });
  }
}

/** The same at once. @param mode of those that are made, whatever the umask @returns whether it was not there before */
export function makeFolderSync(path: string, mode?: number): boolean {
  const make = () => {
    mkdirSync(fsPath(path));
    if (mode !== undefined) chmodSync(fsPath(path), mode);
  };
  try {
    make();
    return true;
  } catch (error) {
    const isThere = () => statSync(fsPath(path), { throwIfNoEntry: false })?.isDirectory() ?? false;
    if (hasCode(error, "EEXIST", "EISDIR", "EROFS") && isThere()) return false;
    if (!hasCode(error, "ENOENT") || dirname(path) === path) throw error;
  }
  makeFolderSync(dirname(path), mode);
  try {
    make();
    return true;
  } catch (error) {
    if (hasCode(error, "EEXIST")) return false;
    throw error;
  }
}

async function isFolder(path: string): Promise<boolean> {
  const found = await ifThere(stat(path));
  return found?.isDirectory() ?? false;
}

/** Whether anything has this path: a link that leads nowhere has it, too. @throws system errors but "not there" */
export async function isThere(path: string): Promise<boolean> {
  return (await ifThere(lstat(path))) !== undefined;
}

/** Bytes of the file; 0 where there is none. Links are followed. @throws system errors but "not there" */
export async function sizeIfThere(path: string): Promise<number> {
  return (await ifThere(stat(path)))?.size ?? 0;
}
