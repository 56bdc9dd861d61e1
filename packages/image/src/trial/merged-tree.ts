/** Extensions on their base, as a device has them after a merge: for a command that shows that they work. */
import { mkdir, rm, stat } from "node:fs/promises";
import { dirname, join, resolve } from "node:path";
import { sortedUnique } from "@tsbake/base";
import { type Cage, openCage } from "@tsbake/sandbox";
import { unpackTree } from "../formats/tree.js";
import { commandIn } from "./command.js";

export interface MergedOptions {
  /** Tars: of the base, and of the extensions as they ship, in the order in which they are merged: the last one is on top. */
  readonly trees: readonly string[];
  /** A folder to work in; what is made there is removed. */
  readonly work: string;
  /** For an ordinary user: the sysroot with fakeroot. Default: as `openCage` finds it. */
  readonly fakeroot?: string | undefined;
}

/** A merged tree in a cage, where nothing of the host is in sight and there is no network but the loopback interface. */
export interface MergedTree extends AsyncDisposable {
  readonly cage: Cage;
  /** The tree's root in the cage, which is attached. */
  readonly root: string;
  /** Ends all that runs in it, and takes it away. */
  close(): Promise<void>;
}

/** What systemd does with the files of an extension at a boot or after a merge, where the base has systemd. */
const AFTER_MERGE = `
if command -v systemd-sysusers >/dev/null; then systemd-sysusers; fi
if command -v systemd-tmpfiles >/dev/null; then systemd-tmpfiles --create --prefix=/etc --prefix=/var --prefix=/run || :; fi
`;

/**
 * Makes the merged tree, accounts and files of the extensions in it.
 *
 * @throws BuildError `image/format-failed`, `base/command-failed`, `sandbox/…`
 */
export async function openMergedTree({ trees, work, fakeroot }: MergedOptions): Promise<MergedTree> {
  const root = join(resolve(work), "merged");
  const tars = trees.map((path) => resolve(path));
  await rm(root, { recursive: true, force: true });
  await mkdir(root, { recursive: true });
  const readable = sortedUnique(tars.map(dirname));
  const cage = await openCage({ writable: [root], readable, ...(fakeroot !== undefined && { fakeroot }) });
  const close = async (): Promise<void> => {
    try {
      await cage.detach(root);
    } finally {
      await cage.close();
      await rm(root, { recursive: true, force: true });
    }
  };
  try {
    let sizeBytes = 0;
    for (const path of tars) sizeBytes += (await stat(path)).size;
    await cage.keepInMemory(root, "", sizeBytes);
    // The one over the other: an extension has no whiteouts, and no folder where the base has something else.
    for (const path of tars) await unpackTree(path, root, cage);
    await cage.attach(root);
    await cage.run("chroot", [root, "sh", "-ec", AFTER_MERGE]);
  } catch (error) {
    await close();
    throw error;
  }
  return { cage, root, close, [Symbol.asyncDispose]: close };
}

/**
 * A command with this process's own standard streams.
 *
 * @param command program and arguments; undefined: a shell
 * @returns its exit code; as chroot(1) says it, 126 for a program that cannot be started, 127 for one that is not there
 */
export function runInTree(
  { cage, root }: MergedTree,
  command: readonly string[] | undefined,
  term: string | undefined,
): Promise<number> {
  const { words, env } = commandIn(command, term);
  return cage.hand("chroot", [root, ...words], env);
}
