/** Where downloads of mirrors lie: what has begun, for the next run to go on with, and what is whole, until a store takes it. */
import { rmSync } from "node:fs";
import { lstat, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { hasCode, ifThere, lockFile, makeFolder, scratchFolder, type Lock } from "@tsbake/base";

/** Folders of this process' downloads. */
export interface Downloads {
  /** Where the next run finds what this one has begun. */
  readonly parts: string;
  /** Of this process alone: what is whole, until the nearest store takes it. */
  readonly done: string;
}

/** @param folder for parts; without it, or where this user may not write, all goes with the process @throws system errors */
export async function openDownloads(folder: string | undefined): Promise<Downloads> {
  if (folder !== undefined) {
    try {
      await makeFolder(folder);
      return { parts: folder, done: await temporaryFolder(join(folder, "run-")) };
    } catch (error) {
      // A store that is only read.
      if (!hasCode(error, "EACCES", "EPERM", "EROFS", "ENOTDIR", "EEXIST")) throw error;
    }
  }
  const temporary = await temporaryFolder(join(tmpdir(), "tsbake-mirror-"));
  return { parts: temporary, done: temporary };
}

async function temporaryFolder(start: string): Promise<string> {
  const temporary = await scratchFolder(start);
  if (temporaryFolders.size === 0) process.once("exit", removeTemporaries);
  temporaryFolders.add(temporary);
  return temporary;
}

/** Another process may download the same into the same folder. What stands there and is no plain file of ours is no start. */
export async function lockPart(part: string): Promise<Lock> {
  const lock = await lockFile(`${part}.lock`, {
    holder: `a tsbake process (process ${process.pid})`,
    mode: 0o664,
    isTemporary: true,
  });
  const found = await ifThere(lstat(part));
  const isOurs = found === undefined || (found.isFile() && found.uid === process.getuid?.());
  if (!isOurs) await rm(part, { recursive: true, force: true });
  return lock;
}

/** Downloads that nobody has taken over; they go with the process. */
const temporaryFolders = new Set<string>();

function removeTemporaries(): void {
  for (const folder of temporaryFolders) rmSync(folder, { recursive: true, force: true });
}
