/**
 * A folder of objects: SSTATE_DIR.
 *
 *     ab/cd/<name>.tar.zst           the artifact
 *     ab/cd/<name>.tar.zst.sha256    what its bytes must be; written before the artifact appears
 *     ab/cd/<name>.tar.zst.siginfo   what went into its signature
 *     ab/cd/<name>.tar.zst.bad       an artifact whose bytes were others
 *
 * Several processes may use one folder. Publishing is guarded by a lock for those on this machine, and by the file
 * system's link(2), which never replaces, for those on others.
 */
import { copyFile, link, mkdir, open, readFile, rename, rm, stat, unlink, utimes } from "node:fs/promises";
import { randomBytes } from "node:crypto";
import { dirname, join } from "node:path";
import { compressionOfBytes } from "@tsbake/archive";
import {
  BuildError,
  hasCode,
  lockPath,
  messageOf,
  readTextIfThere,
  sha256File,
  writeFileAtomic,
  type Lock,
} from "@tsbake/base";
import { digestIn, sidecarOf, sidecarText } from "./checksum.js";
import { gzipPath, objectPath, type ObjectName } from "./names.js";
import { unusableStore } from "./problems.js";
import type { Store, StoreOptions } from "./store.js";

/** Use is noted in the modification time, for pruning by age; not more often than this. */
const TOUCH_INTERVAL_MS = 3_600_000;

export function openFolderStore(folder: string, options: StoreOptions): Store {
  return new FolderStore(folder, options);
}

class FolderStore implements Store {
  readonly #folder: string;
  readonly #warn: (message: string) => void;

  constructor(folder: string, options: StoreOptions) {
    this.#folder = folder;
    this.#warn = options.onWarning;
  }

  async find(names: readonly ObjectName[]): Promise<Set<ObjectName>> {
    const there = await Promise.all(names.map(async (name) => (await this.#locate(name)) !== undefined));
    return new Set(names.filter((_name, at) => there[at]));
  }

  async get(name: ObjectName): Promise<string | undefined> {
    const object = await this.#locate(name);
    if (object === undefined) return undefined;
    let fault = await faultOf(object);
    if (fault !== undefined && fault !== "gone") fault = await discard(object);
    if (fault === undefined) {
      await touch(object);
      return object;
    }
    if (fault !== "gone") this.#warn(`shared state: ${object} is not used: ${fault}; the task runs again`);
    return undefined;
  }

  async put(name: ObjectName, path: string, description: string): Promise<void> {
    const object = join(this.#folder, objectPath(name));
    const temporary = join(dirname(object), `.${randomBytes(8).toString("hex")}.tmp`);
    let isMoved = false;
    try {
      await mkdir(dirname(object), { recursive: true });
      isMoved = await takeOver(path, temporary);
      await this.#publish((await isGzip(temporary)) ? gzipPath(object) : object, temporary, description);
    } catch (error) {
      // What could not be kept goes back to the one who has it to lose.
      if (isMoved) await rename(temporary, path).catch(() => {});
      throw new BuildError([unusableStore(this.#folder, messageOf(error))], { cause: error });
    } finally {
      await rm(temporary, { force: true }).catch(() => {});
    }
    await rm(path, { force: true });
  }

  async describe(name: ObjectName, description: string): Promise<void> {
    const path = `${join(this.#folder, objectPath(name))}.siginfo`;
    // A configuration without SSTATE_DIR keeps nothing.
    if (this.#folder === "") return;
    try {
      if (!(await isThere(path))) await writeFileAtomic(path, description);
    } catch (error) {
      throw new BuildError([unusableStore(this.#folder, messageOf(error))], { cause: error });
    }
  }

  async #publish(object: string, temporary: string, description: string): Promise<void> {
    const digest = await sha256File(temporary);
    await using _lock = await lockFolder(object);
    if (await isThere(object)) {
      if (await isThere(sidecarOf(object))) return touch(object);
      // Nobody could verify it: it gives way to one that can be.
      await moveAside(object);
    }
    await writeFileAtomic(sidecarOf(object), sidecarText(object, digest));
    const isFirst = await publishFile(temporary, object);
    // Another machine, which our lock does not reach, may have been faster: then its sidecar must stand.
    if (isFirst && digestIn((await readTextIfThere(sidecarOf(object))) ?? "") !== digest) {
      await writeFileAtomic(sidecarOf(object), sidecarText(object, digest));
    }
    if (!isFirst) await writeFileAtomic(sidecarOf(object), sidecarText(object, await sha256File(object)));
    if (!(await isThere(`${object}.siginfo`))) await writeFileAtomic(`${object}.siginfo`, description);
  }

  async #locate(name: ObjectName): Promise<string | undefined> {
    const object = join(this.#folder, objectPath(name));
    if (await isThere(object)) return object;
    return (await isThere(gzipPath(object))) ? gzipPath(object) : undefined;
  }
}

/** Why the object's bytes cannot be trusted; undefined when they can, `gone` when someone has pruned it meanwhile. */
export async function faultOf(object: string): Promise<string | undefined> {
  const text = await readTextIfThere(sidecarOf(object));
  try {
    // Asked for in any case: an object that has just been removed is not damaged.
    await stat(object);
    if (text === undefined) return "it has no checksum beside it (.sha256)";
    const expected = digestIn(text);
    if (expected === undefined) return "the file with its checksum is damaged";
    const actual = await sha256File(object);
    return actual === expected ? undefined : `its SHA-256 is ${actual}, and ${expected} was expected`;
  } catch (error) {
    if (hasCode(error, "ENOENT")) return "gone";
    throw error;
  }
}

/**
 * Moves an object aside if it is still damaged when nobody else is publishing.
 *
 * @returns what is wrong with it, as `faultOf`
 */
export async function discard(object: string): Promise<string | undefined> {
  try {
    await using _lock = await lockFolder(object);
    const fault = await faultOf(object);
    if (fault !== undefined && fault !== "gone") await moveAside(object);
    return fault;
  } catch (error) {
    // A store that cannot be written to keeps its damaged object.
    if (!hasCode(error, "EACCES", "EPERM", "EROFS")) throw error;
    return faultOf(object);
  }
}

/** Its checksum goes, too, away from whatever comes next by this name. */
async function moveAside(object: string): Promise<void> {
  await rename(object, `${object}.bad`);
  await rm(sidecarOf(object), { force: true });
}

function lockFolder(object: string): Promise<Lock> {
  return lockPath(dirname(object), { holder: `a tsbake process (pid ${process.pid})` });
}

/** Moves or copies the file, and makes sure that it is on the disk. @returns whether it was moved */
async function takeOver(path: string, temporary: string): Promise<boolean> {
  let isMoved = true;
  try {
    await rename(path, temporary);
  } catch (error) {
    if (!hasCode(error, "EXDEV", "EPERM", "EACCES")) throw error;
    isMoved = false;
    await copyFile(path, temporary);
  }
  const file = await open(temporary, "r");
  try {
    await file.sync();
  } finally {
    await file.close();
  }
  return isMoved;
}

/** @returns false when an object of this name has appeared meanwhile */
async function publishFile(temporary: string, object: string): Promise<boolean> {
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

async function isGzip(path: string): Promise<boolean> {
  const file = await open(path);
  try {
    const start = Buffer.alloc(6);
    await file.read(start, 0, start.length, 0);
    return compressionOfBytes(start) === "gzip";
  } finally {
    await file.close();
  }
}

async function isThere(path: string): Promise<boolean> {
  try {
    return (await stat(path)).isFile();
  } catch (error) {
    if (hasCode(error, "ENOENT", "ENOTDIR")) return false;
    throw error;
  }
}

async function touch(object: string): Promise<void> {
  const now = new Date();
  for (const path of [object, sidecarOf(object), `${object}.siginfo`]) {
    try {
      if (now.getTime() - (await stat(path)).mtimeMs > TOUCH_INTERVAL_MS) await utimes(path, now, now);
    } catch (error) {
      // A store that cannot be written to is read all the same.
      if (!hasCode(error, "ENOENT", "EACCES", "EPERM", "EROFS")) throw error;
    }
  }
}

/** The description beside an object, for handing it on. */
export async function descriptionOf(object: string): Promise<string> {
  try {
    return await readFile(`${object}.siginfo`, "utf8");
  } catch (error) {
    if (hasCode(error, "ENOENT")) return "";
    throw error;
  }
}
