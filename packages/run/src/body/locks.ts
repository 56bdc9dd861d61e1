/** [lockfiles]: one function at a time among all tasks of this process and of all others. */
import { open, realpath, stat } from "node:fs/promises";
import { dirname } from "node:path";
import { byText, lockFile, makeFolder } from "@tsbake/base";
import type { Lock } from "@tsbake/base";

/**
 * Runs `body` while it holds all of `paths`; they are made if missing.
 *
 * @param holder what those who wait are told
 * @param onWait called with a path and what its holder says of itself
 */
export async function holdLocks<Result>(
  paths: readonly string[],
  holder: string,
  onWait: (path: string, holder: string) => void,
  body: () => Promise<Result>,
): Promise<Result> {
  const locks: Lock[] = [];
  try {
    for (const path of await inOrder(paths)) {
      const file = await realpath(path);
      locks.push(await lockFile(file, { holder, mode: 0o664, onWait: (other) => onWait(path, other) }));
    }
    return await body();
  } finally {
    for (const lock of locks.toReversed()) await lock.release();
  }
}

/** Each file once, however it is named, and always in the same order: two tasks could wait for each other otherwise. */
async function inOrder(paths: readonly string[]): Promise<string[]> {
  const files = new Map<string, string>();
  for (const path of paths) {
    await makeFolder(dirname(path));
    await (await open(path, "a")).close();
    const { dev, ino } = await stat(path, { bigint: true });
    files.set(`${dev}:${ino}`, path);
  }
  return [...files].sort(([left], [right]) => byText(left, right)).map(([, path]) => path);
}
