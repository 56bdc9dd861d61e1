/** What is at paths of trees whose owners only a cage sees. */
import { dirname, join, resolve } from "node:path";
import type { BackendName } from "@tsbake/packaging";
import { type Cage, listRoot, type RootEntry } from "@tsbake/sandbox";
import type { Look } from "../database/tree.js";

/** By absolute path in the root. */
export type Entries = ReadonlyMap<string, RootEntry>;

/** What a tree has, by absolute path in it. */
export async function entriesOf(cage: Cage, root: string): Promise<Entries> {
  return new Map((await listRoot(cage, root)).map((entry) => [`/${entry.path}`, entry]));
}

/** As packages of each format have them of their files. */
const DIGEST_PROGRAMS = { deb: "md5sum", ipk: "md5sum", rpm: "sha256sum" };

/** Of the ordinary files at these paths, in hex, as the format has them. @param entries of the same root */
export async function fileDigests(
  cage: Cage,
  format: BackendName,
  root: string,
  entries: Entries,
  paths: Iterable<string>,
): Promise<Map<string, string>> {
  const files = [...paths].filter((path) => entries.get(path)?.kind === "file");
  if (files.length === 0) return new Map();
  const input = files.map((path) => `${join(root, path)}\0`).join("");
  const { stdout } = await cage.run("xargs", ["-0", DIGEST_PROGRAMS[format], "--zero"], { input });
  const digests = new Map<string, string>();
  for (const line of stdout.split("\0")) {
    const [, digest, path] = /^([0-9a-f]{32,64}) [ *]([^]*)$/.exec(line) ?? [];
    if (digest !== undefined && path !== undefined) digests.set(path.slice(root.length), digest);
  }
  return digests;
}

/** What there is to compare of a path, as one text. */
export function looking(entries: Entries, digests: ReadonlyMap<string, string>): Look {
  return (path) => {
    const entry = entries.get(path);
    if (entry === undefined) return undefined;
    if (entry.kind === "directory") return "directory";
    const owner = `${entry.mode.toString(8)} ${entry.uid}:${entry.gid}`;
    if (entry.kind === "symlink") return `symlink ${entry.target}`;
    return `${entry.kind} ${owner} ${digests.get(path) ?? ""}`;
  };
}

/**
 * Where a path lies, its folders' links followed.
 *
 * @param layers entries, the topmost first
 */
export function placing(layers: readonly Entries[]): (path: string) => string {
  const known = new Map<string, string>([["", ""]]);
  const find = (path: string): RootEntry | undefined => {
    for (const one of layers) {
      const entry = one.get(path);
      if (entry !== undefined) return entry;
    }
    return undefined;
  };
  const folder = (path: string, depth: number): string => {
    const before = known.get(path);
    if (before !== undefined) return before;
    const at = path.lastIndexOf("/");
    const own = folder(path.slice(0, at), depth) + path.slice(at);
    const entry = find(own);
    const isLink = entry?.kind === "symlink" && depth < MOST_LINKS;
    const found = isLink ? folder(resolve(dirname(own), entry.target), depth + 1) : own;
    known.set(path, found === "/" ? "" : found);
    return known.get(path)!;
  };
  return (path) => {
    const at = path.lastIndexOf("/");
    return folder(path.slice(0, at), 0) + path.slice(at);
  };
}

/** As the kernel: more are a loop. */
const MOST_LINKS = 40;
