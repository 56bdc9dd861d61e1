/**
 * `x.done` beside a download: its digests, and what tells that it is still the file that has them (size, times, number).
 * A note that another user wrote counts for nothing: he may know the digests of other bytes.
 */
import { constants, type BigIntStats } from "node:fs";
import { open, stat } from "node:fs/promises";
import { fileStamp, hasCode, writeFileAtomic } from "@tsbake/base";
import type { Digests } from "./checksums.js";

export interface DoneNote {
  /** Undefined: there is no such file. */
  readonly identity: string | undefined;
  readonly digests: Digests;
  /** Whether the digests are those of the file as it is now. */
  readonly isCurrent: boolean;
}

const LONGEST = 4096;

/** Digests of a download, as far as the note beside it is about the file that is there. */
export async function readNote(path: string): Promise<DoneNote> {
  const identity = await identityOf(path);
  if (identity === undefined) return { identity, digests: {}, isCurrent: false };
  const [digests = "", known] = (await ownText(`${path}.done`)).trimEnd().split(" = ");
  const isCurrent = known === identity;
  const pairs = isCurrent ? digests.split(" ").map((pair) => pair.split(":")) : [];
  return { identity, digests: Object.fromEntries(pairs) as Digests, isCurrent };
}

/** In a folder that cannot be written to there is none, and the file is read every time. */
export async function writeNote(path: string, digests: Digests): Promise<void> {
  const pairs = Object.entries(digests).map(([algorithm, digest]) => `${algorithm}:${digest}`);
  try {
    await writeFileAtomic(`${path}.done`, `${pairs.join(" ")} = ${await identityOf(path)}\n`);
  } catch (error) {
    if (!isForbidden(error)) throw error;
  }
}

/** Whether DL_DIR is another's: what cannot be noted there is found out again. */
export function isForbidden(error: unknown): boolean {
  return hasCode(error, "EACCES", "EPERM", "EROFS");
}

async function identityOf(path: string): Promise<string | undefined> {
  let found: BigIntStats;
  try {
    found = await stat(path, { bigint: true });
  } catch (error) {
    if (hasCode(error, "ENOENT", "ENOTDIR", "ELOOP", "EACCES")) return undefined;
    throw error;
  }
  // A pipe or a device would be read for ever.
  if (!found.isFile()) return undefined;
  return fileStamp(found);
}

async function ownText(path: string): Promise<string> {
  try {
    const file = await open(path, constants.O_RDONLY | constants.O_NOFOLLOW | constants.O_NONBLOCK);
    try {
      const { uid, size } = await file.stat();
      const isOwn = uid === process.geteuid?.() || uid === 0;
      return isOwn && size <= LONGEST ? await file.readFile("utf8") : "";
    } finally {
      await file.close();
    }
  } catch (error) {
    if (hasCode(error, "ENOENT", "ENOTDIR", "ELOOP", "EACCES")) return "";
    throw error;
  }
}
