/**
 * A folder of objects: SSTATE_DIR.
 *
 *     ab/cd/<name>.tar.zst           the artifact
 *     ab/cd/<name>.tar.zst.sha256    what its bytes must be; written before the artifact appears
 *     ab/cd/<name>.tar.zst.sig       who vouches for it, where artifacts are signed (gpg.ts); before it, too
 *     ab/cd/<name>.tar.zst.siginfo   what went into its signature
 *     ab/cd/<name>.tar.zst.bad       an artifact whose bytes were others
 *
 * Several processes may use one folder. Publishing is guarded by a lock for those on this machine, and by the file
 * system's link(2), which never replaces, for those on others.
 */
import { open, rename, rm } from "node:fs/promises";
import { basename, dirname, join } from "node:path";
import { compressionOfBytes } from "@tsbake/archive";
import {
  eachLimited,
  AT_ONCE,
  BuildError,
  copyPlain,
  hasCode,
  ignoreSystemErrors,
  makeFolder,
  messageOf,
  openPlain,
  readPlain,
  writeFileAtomic,
  temporaryBeside,
} from "@tsbake/base";
import { gzipPath, objectPath, type ObjectName } from "./names.js";
import { signatureOf, type ArtifactSigner } from "./gpg.js";
import { unusableStore } from "./problems.js";
import type { Store, StoreOptions } from "./store.js";
import { isFileThere, publishObject, touchObject } from "./publish.js";
import { discard, faultOf, lockFolder, moveAside } from "./trust.js";

/** No signature and no description is longer. */
const LONGEST_SIGNATURE = 1 << 20;
const LONGEST_DESCRIPTION = 32 << 20;

/** @param folder not empty */
export function openFolderStore(folder: string, options: StoreOptions): Store {
  if (folder === "") throw new Error("internal: a store without a folder");
  return new FolderStore(folder, options);
}

class FolderStore implements Store {
  readonly #folder: string;
  readonly #warn: (message: string) => void;
  readonly #signer: ArtifactSigner | undefined;
  /** What has been said of signatures: many artifacts may lack the same. */
  readonly #told = new Set<string>();
  /** Paths of what was rejected, and cannot be moved away. */
  readonly #rejected = new Set<string>();

  constructor(folder: string, options: StoreOptions) {
    this.#folder = folder;
    this.#warn = options.onWarning;
    this.#signer = options.signer;
  }

  async find(names: readonly ObjectName[]): Promise<Set<ObjectName>> {
    let unsigned = 0;
    const there = await eachLimited(names, AT_ONCE, async (name) => {
      const object = await this.#locate(name);
      if (object === undefined || !this.#signer || (await isFileThere(signatureOf(object))))
        return object !== undefined;
      unsigned++;
      return false;
    });
    if (unsigned > 0) {
      const what = unsigned === 1 ? "1 artifact is" : `${unsigned} artifacts are`;
      this.#warnOnce("unsigned", `${what} not used: no signature (.sig)`);
    }
    return new Set(names.filter((_name, at) => there[at]));
  }

  async get(name: ObjectName): Promise<string | undefined> {
    const object = await this.#locate(name);
    if (object === undefined) return undefined;
    let fault = await faultOf(object, this.#signer);
    if (fault?.kind === "damaged") fault = await discard(object, this.#signer);
    if (fault === undefined) {
      await touchObject(object);
      return object;
    }
    if (fault.kind === "gone") return undefined;
    const text = `${object} is not used: ${fault.why}; the task runs again`;
    if (fault.kind === "damaged") this.#warn(`shared state: ${text}`);
    else this.#warnOnce(fault.why, `${text} (said once, of all artifacts of which it is true)`);
    return undefined;
  }

  #warnOnce(what: string, text: string): void {
    if (this.#told.has(what)) return;
    this.#told.add(what);
    this.#warn(`shared state ${this.#folder}: ${text}`);
  }

  async put(name: ObjectName, path: string, description: string, signature?: string): Promise<void> {
    const object = join(this.#folder, objectPath(name));
    const temporary = temporaryBeside(object);
    let isMoved = false;
    try {
      await makeFolder(dirname(object));
      isMoved = await takeOver(path, temporary);
      await publishObject((await isGzip(temporary)) ? gzipPath(object) : object, temporary, {
        description,
        ...(this.#signer && { signer: this.#signer }),
        signature:
          signature === undefined
            ? await this.#sign(temporary, name)
            : await readPlain(signature, LONGEST_SIGNATURE),
      });
    } catch (error) {
      // What could not be kept goes back to the one who has it to lose.
      if (isMoved) await ignoreSystemErrors(rename(temporary, path));
      if (error instanceof BuildError) throw error;
      throw new BuildError([unusableStore(this.#folder, messageOf(error))], { cause: error });
    } finally {
      await ignoreSystemErrors(rm(temporary, { force: true }));
    }
    await rm(path, { force: true });
  }

  async reject(name: ObjectName): Promise<void> {
    const object = await this.#locate(name);
    if (object === undefined) return;
    try {
      await using _lock = await lockFolder(object);
      await moveAside(object);
    } catch (error) {
      // Somebody else has, or nobody here can: then the next build rejects it again.
      if (!hasCode(error, "ENOENT", "EACCES", "EPERM", "EROFS")) throw error;
      if (!hasCode(error, "ENOENT")) this.#rejected.add(object);
    }
  }

  async #sign(file: string, name: ObjectName): Promise<Buffer | undefined> {
    if (!this.#signer?.canSign) return undefined;
    const signature = signatureOf(file);
    try {
      const object = objectPath(name);
      await this.#signer.sign(file, signature, basename((await isGzip(file)) ? gzipPath(object) : object));
      return await readPlain(signature, LONGEST_SIGNATURE);
    } finally {
      await rm(signature, { force: true });
    }
  }

  async describe(name: ObjectName, description: string): Promise<void> {
    const path = `${join(this.#folder, objectPath(name))}.siginfo`;
    try {
      if (!(await isFileThere(path))) await writeFileAtomic(path, description);
    } catch (error) {
      throw new BuildError([unusableStore(this.#folder, messageOf(error))], { cause: error });
    }
  }

  async #locate(name: ObjectName): Promise<string | undefined> {
    const object = join(this.#folder, objectPath(name));
    for (const path of [object, gzipPath(object)])
      if (!this.#rejected.has(path) && (await isFileThere(path))) return path;
    return undefined;
  }
}

/** Moves or copies the file, and makes sure that it is on the disk. @returns whether it was moved */
async function takeOver(path: string, temporary: string): Promise<boolean> {
  let isMoved = true;
  try {
    await rename(path, temporary);
  } catch (error) {
    if (!hasCode(error, "EXDEV", "EPERM", "EACCES")) throw error;
    isMoved = false;
    await copyPlain(path, temporary);
  }
  const file = await open(temporary, "r");
  try {
    await file.sync();
  } finally {
    await file.close();
  }
  return isMoved;
}

async function isGzip(path: string): Promise<boolean> {
  const file = await openPlain(path);
  try {
    const start = Buffer.alloc(6);
    await file.read(start, 0, start.length, 0);
    return compressionOfBytes(start) === "gzip";
  } finally {
    await file.close();
  }
}

/** The description beside an object, for handing it on. */
export async function descriptionOf(object: string): Promise<string> {
  try {
    return (await readPlain(`${object}.siginfo`, LONGEST_DESCRIPTION)).toString();
  } catch (error) {
    if (hasCode(error, "ENOENT", "NOT_PLAIN", "TOO_LONG", "EISDIR")) return "";
    throw error;
  }
}
