/** The base's whole tree in a cage, ready for packages to come and go. */
import { stat } from "node:fs/promises";
import { BuildError } from "@tsbake/base";
import {
  type Backend,
  databaseDigest,
  type PackageDatabase,
  parseStanzas,
  type Solution,
} from "@tsbake/packaging";
import type { Cage } from "@tsbake/sandbox";
import { installedSizeBytes } from "../facts/closure.js";
import { unpackTree } from "../formats/tree.js";
import * as problems from "../problems.js";
import type { Snapshot } from "../snapshot/snapshot.js";

export interface BaseTree {
  /** The tar, absolute, and the snapshot that was taken of the same tree. */
  readonly baseTree: string;
  readonly snapshot: Snapshot;
  readonly backend: Backend;
  /** Empty, and writable in the cage. */
  readonly root: string;
  readonly sandbox: Cage;
  /** What is installed on it, for the room that it takes. */
  readonly solution: Solution;
}

/**
 * @returns the base's database, and where this process finds the root
 * @throws BuildError `image/bad-snapshot`, `image/format-failed`
 */
export async function unpackBase(
  where: BaseTree,
): Promise<{ readonly seenRoot: string; readonly base: PackageDatabase }> {
  const { baseTree, snapshot, backend, root, sandbox, solution } = where;
  const seenRoot = await sandbox.keepInMemory(root, "", await sizeOf(baseTree, solution));
  await unpackTree(baseTree, root, sandbox);
  const base = await backend.readDatabase(seenRoot);
  if (databaseDigest(base) !== snapshot.facts.digest)
    throw new BuildError([
      problems.badSnapshot(snapshot.folder, `it is not of the base whose tree ${baseTree} is`),
    ]);
  return { seenRoot, base };
}

/** Bytes of a tree with these packages on it. */
async function sizeOf(baseTree: string, { packages }: Solution): Promise<number> {
  const stanzas = packages.flatMap(({ stanza }) => parseStanzas(stanza).stanzas.slice(0, 1));
  const added = stanzas.reduce((sum, stanza) => sum + installedSizeBytes({ stanza }), 0);
  return (await stat(baseTree)).size + added;
}
