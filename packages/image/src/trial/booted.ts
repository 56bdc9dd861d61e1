/**
 * A base booted with extensions, for a command in a system that runs. Its tree is in memory where that suffices, and is gone with
 * the system.
 */
import { mkdir, rm, stat } from "node:fs/promises";
import { freemem } from "node:os";
import { dirname, join, resolve } from "node:path";
import { sortedUnique } from "@tsbake/base";
import { insideRoot, openCage } from "@tsbake/sandbox";
import { unpackTree } from "../formats/tree.js";
import { type Booted, bootSystem, refuseBoot } from "./system.js";

export interface BootOptions {
  /** Tar of the base as it is deployed. */
  readonly base: string;
  /** Extensions by their names, each a tar. */
  readonly extensions: readonly {
    readonly name: string;
    readonly tree: string;
    readonly isConfext: boolean;
  }[];
  /** A folder to work in; what is made there is removed. */
  readonly work: string;
  /** Ends the boot. */
  readonly signal?: AbortSignal | undefined;
}

/** Of the memory that is free. */
const LARGEST_SHARE = 1 / 4;

/** $1: the tree on the disk; $2: where it goes into memory, or empty. */
const TREE = `
root=$1
if [ -n "$2" ]; then
    mount -t tmpfs -o mode=755 tmpfs "$2"
    cp -a "$1/." "$2/"
    rm -rf "$1"
    root=$2
fi
shift 2
`;

/**
 * Boots until the system says that it is up, degraded or not.
 *
 * @throws BuildError `image/cannot-boot`, `image/not-booted`, `image/format-failed`, `sandbox/…`
 */
export async function boot(options: BootOptions): Promise<Booted> {
  refuseBoot();
  const work = resolve(options.work);
  const [tree, memory] = [join(work, "tree"), join(work, "memory")];
  const remove = async (): Promise<void> => {
    for (const folder of [tree, memory]) await rm(folder, { recursive: true, force: true });
  };
  await remove();
  for (const folder of [tree, memory]) await mkdir(folder, { recursive: true });
  try {
    const sizeBytes = await layOut(options, tree);
    const fits = sizeBytes <= freemem() * LARGEST_SHARE;
    const { signal } = options;
    const system = await bootSystem({ script: TREE, words: [tree, fits ? memory : ""], signal });
    const close = async (): Promise<void> => {
      await system.close();
      await remove();
    };
    return { run: (command, term) => system.run(command, term), close, [Symbol.asyncDispose]: close };
  } catch (error) {
    await remove();
    throw error;
  }
}

/** @returns bytes of the tree */
async function layOut({ base, extensions }: BootOptions, tree: string): Promise<number> {
  const tars = [base, ...extensions.map((one) => one.tree)].map((path) => resolve(path));
  const readable = sortedUnique(tars.map(dirname));
  await using cage = await openCage({ writable: [tree], readable });
  await unpackTree(resolve(base), tree, cage);
  // A base may have a link there, which leads to this machine for us and nowhere for the cage.
  const inside = insideRoot(tree);
  for (const one of extensions)
    await unpackTree(
      one.tree,
      await inside.follow(`var/lib/${one.isConfext ? "confexts" : "extensions"}/${one.name}`),
      cage,
    );
  let sizeBytes = 0;
  for (const path of tars) sizeBytes += (await stat(path)).size;
  return sizeBytes;
}
