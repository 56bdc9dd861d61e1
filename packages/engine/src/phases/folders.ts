/**
 * The first phase: the folders that a build writes to, held against all other builds from before anything of them is read
 * to the end. TOPDIR comes first, so that what is parsed is what is built; a TMPDIR is known after the parse only, and
 * two build folders may share one.
 */
import { join } from "node:path";
import { BuildError, byText, hasCode, lockFile, makeFolder, reasonOf, type Lock } from "@tsbake/base";
import { unwritableBuildFolder } from "../problems.js";

/** Beside conf/ in TOPDIR, and in each TMPDIR. */
const LOCK_NAME = "tsbake.lock";

export interface HoldOptions {
  /** The whole command, for those who wait. */
  readonly command: string;
  readonly onWait: (holder: string) => void;
}

export class HeldFolders implements AsyncDisposable {
  readonly #options: HoldOptions;
  readonly #locks = new Map<string, Lock>();

  constructor(options: HoldOptions) {
    this.#options = options;
  }

  /** @throws BuildError `engine/unwritable-build-folder`, `base/cannot-lock` */
  async holdBuildFolder(topdir: string): Promise<void> {
    try {
      await this.#hold(topdir);
    } catch (error) {
      if (error instanceof BuildError || !hasCode(error, "EACCES", "EPERM", "EROFS", "ELOOP", "ENOTDIR"))
        throw error;
      throw new BuildError([unwritableBuildFolder(topdir, reasonOf(error))], { cause: error });
    }
  }

  /**
   * Holds more folders; they are made if missing.
   *
   * @returns whether somebody else had one: then what was read of the project may be out of date
   * @throws system errors; BuildError `base/cannot-lock`
   */
  async holdAlso(folders: readonly string[]): Promise<boolean> {
    let hasWaited = false;
    // Always in the same order, or two builds could wait for each other.
    for (const folder of [...new Set(folders)].sort(byText))
      hasWaited = (await this.#hold(folder)) || hasWaited;
    return hasWaited;
  }

  async #hold(folder: string): Promise<boolean> {
    if (this.#locks.has(folder)) return false;
    let hasWaited = false;
    const { command, onWait } = this.#options;
    await makeFolder(folder);
    const lock = await lockFile(join(folder, LOCK_NAME), {
      holder: `${command} (process ${process.pid})`,
      onWait: (holder) => {
        hasWaited = true;
        onWait(holder);
      },
    });
    this.#locks.set(folder, lock);
    return hasWaited;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    for (const lock of [...this.#locks.values()].toReversed()) await lock.release();
    this.#locks.clear();
  }
}
