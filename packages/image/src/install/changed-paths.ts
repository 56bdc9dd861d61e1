/** What of a tree is not as it was, without reading all of it into an archive again. */
import { resolve } from "node:path";
import { BuildError } from "@tsbake/base";
import type { Sandbox } from "@tsbake/sandbox";
import * as problems from "../problems.js";

/** By path as in a file manifest, `/usr/bin/env`: what is another when anything is done to the entry. */
export type TreeMark = ReadonlyMap<string, string>;

/** The time of the last change, by the kernel, which nobody can set; owners and modes, which a fake root only remembers. */
const FIELDS = ["%P", "%D:%i %C@ %m %U %G"];

/** @returns undefined when a name is no UTF-8, and so nothing can be said by name */
export async function markTree(sandbox: Sandbox, root: string): Promise<TreeMark | undefined> {
  const format = FIELDS.map((field) => `${field}\\0`).join("");
  const { stdout } = await sandbox.run("find", [root, "-xdev", "-mindepth", "1", "-printf", format]);
  if (stdout.includes("\ufffd")) return undefined;
  const fields = stdout.split("\0");
  const mark = new Map<string, string>();
  for (let at = 0; at + 1 < fields.length; at += 2) mark.set(`/${fields[at]!}`, fields[at + 1]!);
  return mark;
}

/**
 * Paths of `after` that are new or not as they were, sorted as an archive of the whole tree has them.
 *
 * The time of a file in memory stays when a program writes into a mapping of it that it has read from before: so contents are
 * compared with the archive that the tree was unpacked from.
 *
 * @param tar what `before` is of
 * @returns undefined when they cannot be told by name
 * @throws BuildError `image/format-failed`
 */
export async function changedPaths(
  sandbox: Sandbox,
  root: string,
  { before, after, tar }: { readonly before: TreeMark; readonly after: TreeMark; readonly tar: string },
): Promise<string[] | undefined> {
  const changed = new Set(
    [...after].filter(([path, mark]) => before.get(path) !== mark).map(([path]) => path),
  );
  const args = [
    "--compare",
    "--blocking-factor=512",
    `--file=${resolve(tar)}`,
    `--directory=${resolve(root)}`,
    "--quoting-style=literal",
  ];
  const compared = await sandbox.run("tar", args, { mayFail: true });
  // 1 is also how a command ends that could not be started. What is not there any more is told as a warning.
  const said = compared.stderr.split("\n").filter((line) => line !== "");
  const isTold = compared.stdout !== "" || said.length > 0;
  const isAnswer = said.every((line) => /^tar: .*: Warning: Cannot stat: /.test(line));
  if (!isAnswer || (compared.code !== 0 && (compared.code !== 1 || !isTold)))
    throw new BuildError([problems.formatFailed("tar", compared.code, compared.stderr)]);
  for (const line of compared.stdout.split("\n")) {
    const [, name] = /^(.*): (?:Contents|Size) differ$/.exec(line) ?? [];
    if (name === undefined) continue;
    const path = name.replace(/^\./, "");
    // A part of a name with a line end in it.
    if (!after.has(path)) return undefined;
    changed.add(path);
  }
  const key = (path: string): string => path.replaceAll("/", "\0");
  return [...changed].sort((left, right) => (key(left) < key(right) ? -1 : 1));
}
