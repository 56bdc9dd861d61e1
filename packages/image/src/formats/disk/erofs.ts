/** A tree as erofs: read-only, compressed. */
import { rm } from "node:fs/promises";
import { resolve } from "node:path";
import { BuildError, sha256File } from "@tsbake/base";
import { openSandbox } from "@tsbake/sandbox";
import * as problems from "../../problems.js";
import { programOn, uuidOf } from "../tools.js";
import { unpackTree } from "../tree.js";

export interface FileSystemOptions {
  /** The tree's tar. */
  readonly tree: string;
  /** The file to write. */
  readonly output: string;
  readonly epochSeconds: number;
  /** A folder to work in. */
  readonly work: string;
  /** Further arguments of the tool that makes the format. */
  readonly extra: readonly string[];
}

/**
 * mkfs.erofs reads trees only. The UUID is the tree's own digest: nothing random, and no two trees share it.
 *
 * @throws BuildError `image/no-tool`, `image/format-failed`
 */
export async function toErofs(options: FileSystemOptions): Promise<void> {
  const tool = await programOn("mkfs.erofs", "erofs-utils-native");
  const tree = resolve(options.work, "erofs-tree");
  await rm(tree, { recursive: true, force: true });
  await using sandbox = await openSandbox();
  await unpackTree(options.tree, tree, sandbox);
  const uuid = uuidOf(await sha256File(options.tree));
  const args = [`-T${options.epochSeconds}`, `-U${uuid}`, ...options.extra, resolve(options.output), tree];
  // With the variable beside it -T is the youngest time a file may have, without it the time of all: one of the two, whoever calls.
  const env = { SOURCE_DATE_EPOCH: String(options.epochSeconds) };
  const result = await sandbox.run(tool, args, { env, mayFail: true });
  if (result.code !== 0) {
    throw new BuildError([problems.formatFailed("mkfs.erofs", result.code, result.stderr || result.stdout)]);
  }
  await rm(tree, { recursive: true, force: true });
}
