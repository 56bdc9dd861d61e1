/** The seam of housekeeping: what every place that holds artifacts can say of all that it has, and how it lets go of one. */
import { byText } from "@tsbake/base";
import { storedFile } from "./names.js";

/** One object with everything that stands beside it. */
export interface StoredObject {
  /** Relative to the store's folder. */
  readonly path: string;
  /** Artifact, checksum and description together. */
  readonly sizeBytes: number;
  /** Of its last use, ms since 1970. */
  readonly usedMs: number;
  /**
   * `object`; `damaged`: moved aside as `.bad`; `description`: a `.siginfo` alone, of a task without an artifact (or of an
   * object that was moved aside); `rest`: a checksum whose artifact is gone, or a broken-off write.
   */
  readonly kind: "object" | "damaged" | "description" | "rest";
  /** Without `do_`; empty when the name does not say. */
  readonly task: string;
}

/** A folder, a bucket: counted, judged and pruned through this (`maintenance.ts`). */
export interface Catalog {
  /** Everything there is, sorted by path. @param onProgress told now and then how many files have been seen */
  list(onProgress?: (files: number) => void): Promise<StoredObject[]>;
  /**
   * Deletes an object with what stands beside it, unless it was used or made again since it was listed (`usedMs`).
   *
   * @returns whether it went
   */
  removeUnused(object: Pick<StoredObject, "path" | "usedMs">): Promise<boolean>;
}

/** A file or an entry of a bucket. */
export interface ListedFile {
  /** Relative to where the store begins. */
  readonly path: string;
  readonly sizeBytes: number;
  /** ms since 1970. */
  readonly changedMs: number;
}

const PROGRESS_FILES = 1000;

/** Files as the objects that they make up, sorted by path; what the layout does not know is other people's, and left out. */
export async function groupFiles(
  files: AsyncIterable<ListedFile>,
  onProgress?: (files: number) => void,
): Promise<StoredObject[]> {
  const groups = new Map<string, { -readonly [Key in keyof StoredObject]: StoredObject[Key] }>();
  let seen = 0;
  for await (const { path, sizeBytes, changedMs } of files) {
    if (++seen % PROGRESS_FILES === 0) onProgress?.(seen);
    const known = storedFile(path);
    if (!known) continue;
    const isBad = known.kind === "bad";
    const key = isBad ? path : known.object;
    const isFirst = !groups.has(key);
    const group = groups.get(key) ?? { path: key, sizeBytes: 0, usedMs: 0, kind: "rest", task: known.task };
    if (isBad) group.kind = "damaged";
    else if (known.kind === "object") group.kind = "object";
    else if (known.kind === "siginfo" && isFirst) group.kind = "description";
    else if (known.kind !== "siginfo" && group.kind === "description") group.kind = "rest";
    group.sizeBytes += sizeBytes;
    group.usedMs = Math.max(group.usedMs, changedMs);
    groups.set(key, group);
  }
  return [...groups.values()].sort((left, right) => byText(left.path, right.path));
}

/** An object, and the names that stand beside it. */
export const BESIDE: readonly string[] = ["", ".sha256", ".siginfo", ".sig"];
