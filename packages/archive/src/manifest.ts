/** What is in a tree: one line an entry, the same for the same tree. */
import { createHash } from "node:crypto";
import { lstatSync, readFileSync, readlinkSync } from "node:fs";
import { nameOf, sha256File } from "@tsbake/base";
import { decoded, listTree, type ListOptions } from "./tree.js";

export interface ManifestEntry {
  /** Relative to the root. */
  readonly path: string;
  readonly type: "file" | "folder" | "link" | "character-device" | "block-device" | "fifo";
  /** Permission bits, with setuid, setgid and sticky. */
  readonly mode: number;
  readonly uid: number;
  readonly gid: number;
  /** Of files; 0 for everything else. */
  readonly sizeBytes: number;
  /** Of files. */
  readonly sha256?: string;
  /** Of links. */
  readonly target?: string;
  /** Of device nodes, as the kernel gives it. */
  readonly device?: number;
}

/** Larger files are streamed, not read whole. */
const SMALL_BYTES = 1 << 20;

/** Every entry below `root`, sorted by path, with the digests of its files. @throws system errors of reading */
export async function treeManifest(root: string, options: ListOptions = {}): Promise<ManifestEntry[]> {
  const manifest: ManifestEntry[] = [];
  for (const { bytes } of listTree(root, options)) manifest.push(await manifestEntry(root, bytes));
  return manifest;
}

async function manifestEntry(root: string, bytes: string): Promise<ManifestEntry> {
  const place = Buffer.concat([Buffer.from(`${root}/`), Buffer.from(bytes, "latin1")]);
  const found = lstatSync(place);
  const common = {
    path: decoded(bytes),
    mode: found.mode & 0o7777,
    uid: found.uid,
    gid: found.gid,
    sizeBytes: 0,
  };
  if (found.isDirectory()) return { ...common, type: "folder" };
  if (found.isSymbolicLink())
    return { ...common, type: "link", target: nameOf(readlinkSync(place, "buffer")) };
  if (found.isCharacterDevice()) return { ...common, type: "character-device", device: found.rdev };
  if (found.isBlockDevice()) return { ...common, type: "block-device", device: found.rdev };
  if (found.isFIFO()) return { ...common, type: "fifo" };
  // Small files are by far the most, and a read that blocks is quicker for them than one that does not.
  const sha256 =
    found.size > SMALL_BYTES
      ? await sha256File(place)
      : createHash("sha256").update(readFileSync(place)).digest("hex");
  return { ...common, type: "file", sizeBytes: found.size, sha256 };
}
