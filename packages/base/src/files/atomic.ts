/**
 * Files that appear whole or not at all, and what survives a loss of power: what was synced, and then renamed into its place.
 */
import { closeSync, fsyncSync, openSync, readdirSync, renameSync, writeFileSync } from "node:fs";
import { open, rename, rm } from "node:fs/promises";
import { dirname, join } from "node:path";
import { codeOf } from "../diagnostics/errno.js";
import { makeFolder, makeFolderSync } from "./folders.js";
import { temporaryBeside } from "./scratch.js";

/** How careful a write is, and with which mode. */
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
