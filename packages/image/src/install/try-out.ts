/** An extension on its base, as a device has it after a merge: for a command that shows that it works. */
import { mkdir, rm, stat } from "node:fs/promises";
import { dirname, join, resolve } from "node:path";
import { sortedUnique } from "@tsbake/base";
import { type Cage, openCage } from "@tsbake/sandbox";
import { unpackTree } from "../formats/tree.js";

export interface TryOptions {
  /** Tars: of the base as its do_rootfs left it, and of the extension as it ships. */
  readonly baseTree: string;
  readonly tree: string;
  /** A folder to work in; what is made there is removed. */
  readonly work: string;
}

/** What systemd does with the files of an extension at a boot or after a merge, where the base has systemd. */
const AFTER_MERGE = `
if command -v systemd-sysusers >/dev/null; then systemd-sysusers; fi
if command -v systemd-tmpfiles >/dev/null; then systemd-tmpfiles --create --prefix=/etc --prefix=/var --prefix=/run || :; fi
`;

/**
 * Makes the merged tree in a cage without network, accounts and files of the extension in it, calls `use`, and takes all of it away.
 *
 * @param use gets the cage and the tree's root in it, which is attached
 * @throws BuildError `image/format-failed`, `base/command-failed`, and what `use` throws
 */
export async function withMerged<T>(
  { baseTree, tree, work }: TryOptions,
  use: (cage: Cage, root: string) => Promise<T>,
): Promise<T> {
  const root = join(resolve(work), "merged");
  const tars = [baseTree, tree].map((path) => resolve(path));
  await rm(root, { recursive: true, force: true });
  await mkdir(root, { recursive: true });
  await using cage = await openCage({ writable: [root], readable: sortedUnique(tars.map(dirname)) });
  let sizeBytes = 0;
  for (const path of tars) sizeBytes += (await stat(path)).size;
  await cage.keepInMemory(root, "", sizeBytes);
  // The one over the other: an extension has no whiteouts, and no folder where the base has something else.
  for (const path of tars) await unpackTree(path, root, cage);
  await cage.attach(root);
  try {
    await cage.run("chroot", [root, "sh", "-ec", AFTER_MERGE]);
    return await use(cage, root);
  } finally {
    await cage.detach(root);
    await cage.close();
    await rm(root, { recursive: true, force: true });
  }
}
