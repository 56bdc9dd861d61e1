/** How an object gets its name in a folder: checksum and signature first, then the object, which never replaces another. */
import { link, open, rename, rm, stat, unlink, utimes } from "node:fs/promises";
import { dirname } from "node:path";
import { hasCode, sha256File, writeFileAtomic } from "@tsbake/base";
import { digestIn, sidecarOf, sidecarText } from "./checksum.js";
import { signatureOf, type ArtifactSigner } from "./gpg.js";
import { faultOf, lockFolder, moveAside, sidecarTextOf, type Fault } from "./trust.js";

/** Use is noted in the modification time, for pruning by age; not more often than this. */
const TOUCH_INTERVAL_MS = 3_600_000;

export interface PublishOptions {
  /** SHA-256 of `temporary` where it is known; else it is read. */
  readonly digest?: string;
  /** Kept beside the object, as `.siginfo`; undefined: none. */
  readonly description: string | undefined;
  /** Bytes of its `.sig`. */
  readonly signature: Buffer | undefined;
  readonly signer?: ArtifactSigner;
}

export interface PublishedObject {
  /** Of the object that has the name now. */
  readonly digest: string;
  /** An object of this name was there before; its bytes are still what they were. */
  readonly wasThere: boolean;
}

/**
 * Gives a finished, synced file the name of an object, under the lock of the folder.
 *
 * @param object path in an existing folder
 * @param temporary on the same file system; gone from there only if it became the object
 * @throws system errors; BuildError `base/cannot-lock`
 */
export async function publishObject(
  object: string,
  temporary: string,
  { description, signature, signer, ...options }: PublishOptions,
): Promise<PublishedObject> {
  const digest = options.digest ?? (await sha256File(temporary));
  await using _lock = await lockFolder(object);
  if (await isFileThere(object)) {
    const fault = await lackOf(object, signature === undefined ? undefined : signer);
    if (!fault) {
      await touchObject(object);
      return { digest: digestIn((await sidecarTextOf(object)) ?? "") ?? "", wasThere: true };
    }
    // Nobody could verify it: it gives way to one that can be.
    if (fault.kind === "damaged") await moveAside(object);
    else await rm(object, { force: true });
  }
  await writeFileAtomic(sidecarOf(object), sidecarText(object, digest));
  if (signature) await writeFileAtomic(signatureOf(object), signature);
  const isFirst = await publishFile(temporary, object);
  // Another machine, which our lock does not reach, may have been faster, or have written over our checksum.
  const standing = isFirst ? digest : await sha256File(object);
  if (digestIn((await sidecarTextOf(object)) ?? "") !== standing) {
    await writeFileAtomic(sidecarOf(object), sidecarText(object, standing));
  }
  if (signature && isFirst) await writeFileAtomic(signatureOf(object), signature);
  // We have written over the signature of the faster one.
  else if (signature && (await faultOf(object, signer)) !== undefined) await moveAside(object);
  if (description !== undefined && !(await isFileThere(`${object}.siginfo`)))
    await writeFileAtomic(`${object}.siginfo`, description);
  await syncFolder(dirname(object));
  return { digest: standing, wasThere: !isFirst };
}

/** What those who could verify what is to be put would miss in what is there. @param signer when signatures count */
async function lackOf(object: string, signer: ArtifactSigner | undefined): Promise<Fault | undefined> {
  if (signer) return faultOf(object, signer);
  if (await isFileThere(sidecarOf(object))) return undefined;
  return { kind: "damaged", why: "it has no checksum" };
}

/** Gives a file a name that nothing has yet. @returns false when something has: then nothing is done */
export async function publishFile(temporary: string, object: string): Promise<boolean> {
  try {
    await link(temporary, object);
    await unlink(temporary);
    return true;
  } catch (error) {
    if (hasCode(error, "EEXIST")) return false;
    if (!hasCode(error, "EPERM", "ENOTSUP", "EOPNOTSUPP", "ENOSYS", "EMLINK")) throw error;
  }
  // A file system without hard links: rename replaces, but the lock keeps others on this machine away.
  await rename(temporary, object);
  return true;
}

/** The names in a folder reach the disk: an upload that was acknowledged survives a power cut. */
async function syncFolder(folder: string): Promise<void> {
  const file = await open(folder, "r");
  try {
    await file.sync();
  } finally {
    await file.close();
  }
}

export async function isFileThere(path: string): Promise<boolean> {
  try {
    return (await stat(path)).isFile();
  } catch (error) {
    if (hasCode(error, "ENOENT", "ENOTDIR")) return false;
    throw error;
  }
}

/** Notes that the object is used, with all that stands beside it. */
export async function touchObject(object: string): Promise<void> {
  const now = new Date();
  for (const path of [object, sidecarOf(object), signatureOf(object), `${object}.siginfo`]) {
    try {
      if (now.getTime() - (await stat(path)).mtimeMs > TOUCH_INTERVAL_MS) await utimes(path, now, now);
    } catch (error) {
      // A store that cannot be written to is read all the same.
      if (!hasCode(error, "ENOENT", "EACCES", "EPERM", "EROFS")) throw error;
    }
  }
}
