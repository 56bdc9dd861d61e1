/** What two trees have in common: the same content at the same path. */
import type { ContentTree } from "../inspect/tree.js";

export interface SharedBytes {
  /** Of all files of the first; what has several names counts once. */
  readonly totalBytes: number;
  /** Of those that the other one has at the same path. */
  readonly sharedBytes: number;
}

export function sharedBytes(one: ContentTree, other: ContentTree): SharedBytes {
  let [totalBytes, shared] = [0, 0];
  for (const { path, kind, sha256, hardlink, sizeBytes } of one.entries()) {
    if (kind !== "file" || hardlink !== undefined) continue;
    totalBytes += sizeBytes;
    if (other.index.get(path)?.sha256 === sha256) shared += sizeBytes;
  }
  return { totalBytes, sharedBytes: shared };
}
