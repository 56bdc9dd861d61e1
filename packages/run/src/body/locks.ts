/** [lockfiles]: one function at a time among all tasks of this process and of all others. */
import { open } from "node:fs/promises";
import { dirname } from "node:path";
import { lockPath, makeFolder, sortedUnique } from "@tsbake/base";
import type { Lock } from "@tsbake/base";

export class LockFiles {
  /** The end of the queue in front of each lock, so that waiting inside this process needs no polling. */
  readonly #tails = new Map<string, Promise<void>>();

  /**
   * Runs `body` while it holds all of `paths`; they are made if missing.
   *
   * @param onWait called with a path and what its holder, in another process, says of itself
   */
  async hold<Result>(
    paths: readonly string[],
    holder: string,
    onWait: (path: string, holder: string) => void,
    body: () => Promise<Result>,
  ): Promise<Result> {
    const locks: Lock[] = [];
    const releases: (() => void)[] = [];
    try {
      // Always in the same order, or two tasks could wait for each other.
      for (const path of sortedUnique(paths)) {
        releases.push(await this.#queue(path));
        await makeFolder(dirname(path));
        await (await open(path, "a")).close();
        locks.push(await lockPath(path, { holder, onWait: (other) => onWait(path, other) }));
      }
      return await body();
    } finally {
      for (const lock of locks.toReversed()) await lock.release();
      for (const release of releases) release();
    }
  }

  async #queue(path: string): Promise<() => void> {
    const before = this.#tails.get(path);
    let release = () => {};
    this.#tails.set(path, new Promise((resolve) => (release = resolve)));
    await before;
    return release;
  }
}
