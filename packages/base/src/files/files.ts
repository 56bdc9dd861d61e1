/** Files that appear whole or not at all. */
import {
  chmodSync,
  closeSync,
  fsyncSync,
  mkdirSync,
  openSync,
  readdirSync,
  renameSync,
  statSync,
  writeFileSync,
} from "node:fs";
import { mkdir, open, rename, rm, stat } from "node:fs/promises";
import { basename, dirname, extname, join } from "node:path";
import { codeOf, hasCode, ifThere } from "../diagnostics/errno.js";
import { fsPath } from "../text/names.js";
import { nearest } from "../text/nearest.js";
import { openPlain } from "./plain-file.js";
import { temporaryBeside } from "./scratch.js";

export interface AtomicOptions {
  /**
   * False where a file that the loss of power left empty does no harm, and thousands are written: waiting for the disk
   * takes longer than all the rest.
   */
  readonly sync?: boolean;
  /** Of the file, whatever the umask says. Default: what the umask leaves of 0o666. */
  readonly mode?: number;
}

/**
 * Writes `data` under a temporary name, syncs it and renames it onto `path`; folders are made.
 * After a crash there is the old file or the new one, never a part.
 */
export async function writeFileAtomic(
  path: string,
  data: string | Uint8Array,
  { sync = true, mode }: AtomicOptions = {},
): Promise<void> {
  await makeFolder(dirname(path));
  const temporary = temporaryBeside(path);
  try {
    const file = await open(temporary, "wx", mode);
    try {
      if (mode !== undefined) await file.chmod(mode);
      await file.writeFile(data);
      if (sync) await file.sync();
    } finally {
      await file.close();
    }
    await rename(temporary, path);
  } catch (error) {
    await rm(temporary, { force: true });
    throw withPath(error, path);
  }
}

/** The same at once, and its name is on the disk, too, when this returns. */
export function writeFileSynced(path: string, data: string): void {
  makeFolderSync(dirname(path));
  const temporary = temporaryBeside(path);
  writeFileSync(temporary, data, { flag: "wx", flush: true });
  renameSync(temporary, path);
  syncPath(dirname(path));
}

/** fsync(2) of a file, or of the names in a folder. */
export function syncPath(path: string): void {
  const file = openSync(path, "r");
  try {
    fsyncSync(file);
  } finally {
    closeSync(file);
  }
}

/** The same of a folder with all that is below it: before a mark says that it is whole, or it gets its name. */
export function syncTree(folder: string): void {
  for (const entry of readdirSync(folder, { withFileTypes: true })) {
    if (entry.isDirectory()) syncTree(join(folder, entry.name));
    else if (entry.isFile()) syncPath(join(folder, entry.name));
  }
  syncPath(folder);
}

/** The kernel does not say which file a write was for. */
function withPath(error: unknown, path: string): unknown {
  if (codeOf(error) === undefined || (error as { path?: unknown }).path !== undefined) return error;
  return Object.assign(error as object, { path });
}

/** The text of a plain file, or undefined when there is none. @throws any other system error; NOT_PLAIN, see `openPlain` */
export async function readTextIfThere(path: string): Promise<string | undefined> {
  try {
    const file = await openPlain(path);
    try {
      return await file.readFile("utf8");
    } finally {
      await file.close();
    }
  } catch (error) {
    if (hasCode(error, "ENOENT", "ENOTDIR")) return undefined;
    throw error;
  }
}

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
