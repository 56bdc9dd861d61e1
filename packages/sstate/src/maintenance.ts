/** Keeping a store in bounds and in order: statistics, verification, pruning. */
import { readdirSync, statSync, type Dirent, type Stats } from "node:fs";
import { rm, stat } from "node:fs/promises";
import { join } from "node:path";
import { setImmediate } from "node:timers/promises";
import { eachLimited, AT_ONCE, byText, hasCode } from "@tsbake/base";
import type { ArtifactSigner } from "./gpg.js";
import { isOfSpec, storedFile } from "./names.js";
import { discard, faultOf, lockFolder } from "./trust.js";

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

/** Files that are read or deleted at once. */
const PARALLEL = 4;
/** A write that is under way is not a rest until it is this old. */
const REST_AGE_MS = 24 * 3_600_000;

/** Everything in the store, sorted by path. @param onProgress told now and then how many files have been seen */
export async function listStore(
  folder: string,
  onProgress?: (files: number) => void,
): Promise<StoredObject[]> {
  const groups = new Map<string, { -readonly [Key in keyof StoredObject]: StoredObject[Key] }>();
  let files = 0;
  for await (const [path, found] of filesBelow(folder, "")) {
    if (++files % 1000 === 0) onProgress?.(files);
    const known = storedFile(path);
    // Other people's.
    if (!known) continue;
    const isBad = known.kind === "bad";
    const key = isBad ? path : known.object;
    const isFirst = !groups.has(key);
    const group = groups.get(key) ?? { path: key, sizeBytes: 0, usedMs: 0, kind: "rest", task: known.task };
    if (isBad) group.kind = "damaged";
    else if (known.kind === "object") group.kind = "object";
    else if (known.kind === "siginfo" && isFirst) group.kind = "description";
    else if (known.kind !== "siginfo" && group.kind === "description") group.kind = "rest";
    group.sizeBytes += found.size;
    group.usedMs = Math.max(group.usedMs, found.mtimeMs);
    groups.set(key, group);
  }
  return [...groups.values()].sort((left, right) => byText(left.path, right.path));
}

export interface StoreStatistics {
  readonly objects: number;
  readonly damaged: number;
  readonly sizeBytes: number;
  /** ms since 1970; undefined in an empty store. */
  readonly oldestUseMs: number | undefined;
  /** Sorted by name. */
  readonly tasks: readonly { readonly task: string; readonly objects: number; readonly sizeBytes: number }[];
}

export async function storeStatistics(
  folder: string,
  onProgress?: (files: number) => void,
): Promise<StoreStatistics> {
  const all = await listStore(folder, onProgress);
  const objects = all.filter(({ kind }) => kind === "object");
  const tasks = new Map<string, { task: string; objects: number; sizeBytes: number }>();
  for (const { task, sizeBytes } of objects) {
    const sum = tasks.get(task) ?? { task, objects: 0, sizeBytes: 0 };
    tasks.set(task, { task, objects: sum.objects + 1, sizeBytes: sum.sizeBytes + sizeBytes });
  }
  return {
    objects: objects.length,
    damaged: all.filter(({ kind }) => kind === "damaged").length,
    sizeBytes: all.reduce((sum, { sizeBytes }) => sum + sizeBytes, 0),
    oldestUseMs: objects.reduce<number | undefined>(
      (oldest, { usedMs }) => Math.min(oldest ?? usedMs, usedMs),
      undefined,
    ),
    tasks: [...tasks.values()].sort((left, right) => byText(left.task, right.task)),
  };
}

export interface Verification {
  readonly checked: number;
  /** `untrusted`: whole, but not signed by someone whom this build trusts. */
  readonly faults: readonly {
    readonly path: string;
    readonly kind: "damaged" | "untrusted";
    readonly why: string;
  }[];
  /** Artifacts that builds have found damaged and moved aside (`.bad`); no build uses them. */
  readonly setAside: number;
  /** Files of damaged artifacts that were deleted, those that were set aside among them. */
  readonly removed: number;
}

/** Reads every object and compares it with its checksum, and with its signature where they count. */
export async function verifyStore(
  folder: string,
  options: {
    /** Damaged objects are deleted, and those that were set aside; what is only untrusted stays. */
    readonly remove?: boolean;
    readonly signer?: ArtifactSigner;
    readonly onProgress?: (checked: number, of: number) => void;
  } = {},
): Promise<Verification> {
  const all = await listStore(folder);
  const objects = all.filter(({ kind }) => kind === "object");
  const aside = all.filter(({ kind }) => kind === "damaged").map(({ path }) => path);
  const setAside = aside.length;
  const { remove, signer } = options;
  const faults: { path: string; kind: "damaged" | "untrusted"; why: string }[] = [];
  let checked = 0;
  await eachLimited(objects, PARALLEL, async ({ path }) => {
    const fault = await faultOf(join(folder, path), signer);
    if (fault && fault.kind !== "gone") faults.push({ path, kind: fault.kind, why: fault.why });
    checked++;
    options.onProgress?.(checked, objects.length);
  });
  faults.sort((left, right) => byText(left.path, right.path));
  let removed = 0;
  if (remove) {
    // Looked at once more, under the lock: a build may have put a good one in its place.
    for (const { path } of faults.filter(({ kind }) => kind === "damaged"))
      if (await isDiscarded(join(folder, path), signer)) aside.push(`${path}.bad`);
    for (const path of aside) await rm(join(folder, path), { force: true });
    removed = aside.length;
  }
  return { checked, faults, setAside, removed };
}

async function isDiscarded(object: string, signer: ArtifactSigner | undefined): Promise<boolean> {
  const fault = await discard(object, signer);
  return fault?.kind === "damaged" && (await statIfThere(`${object}.bad`)) !== undefined;
}

export interface PruneOptions {
  /** Objects that have not been used for so long go. */
  readonly maxAgeMs?: number;
  /** After that, the least recently used go until the rest is at most so big. */
  readonly maxBytes?: number;
  /** false: the object goes, whatever its age (`not reachable from these targets`). */
  readonly isWanted?: (path: string) => boolean;
  /** Only say what would go. */
  readonly dryRun?: boolean;
  /** ms since 1970; default: the clock. */
  readonly nowMs?: number;
  /** Files that have been seen; then artifacts that have been deleted, of how many. */
  readonly onProgress?: (done: number, of?: number) => void;
}

export interface Pruned {
  readonly removed: readonly (StoredObject & {
    readonly why: "age" | "size" | "unwanted" | "damaged" | "rest";
  })[];
  readonly freedBytes: number;
  readonly keptObjects: number;
  readonly keptBytes: number;
}

/** Removes what the options name, damaged objects, and rests of broken-off writes. Safe while builds use the store. */
export async function pruneStore(folder: string, options: PruneOptions): Promise<Pruned> {
  const now = options.nowMs ?? Date.now();
  const removed: (StoredObject & { why: Pruned["removed"][number]["why"] })[] = [];
  const kept: StoredObject[] = [];
  for (const one of await listStore(folder, options.onProgress)) {
    const age = now - one.usedMs;
    if (one.kind === "damaged") removed.push({ ...one, why: "damaged" });
    else if (one.kind === "rest" && age > REST_AGE_MS) removed.push({ ...one, why: "rest" });
    else if (one.kind === "rest") continue;
    else if (options.isWanted && !options.isWanted(one.path)) removed.push({ ...one, why: "unwanted" });
    else if (options.maxAgeMs !== undefined && age > options.maxAgeMs) removed.push({ ...one, why: "age" });
    else kept.push(one);
  }
  if (options.maxBytes !== undefined) {
    kept.sort((left, right) => left.usedMs - right.usedMs || byText(left.path, right.path));
    let size = total(kept);
    let oldest = 0;
    for (; size > options.maxBytes && oldest < kept.length; oldest++) {
      size -= kept[oldest]!.sizeBytes;
      removed.push({ ...kept[oldest]!, why: "size" });
    }
    kept.splice(0, oldest);
  }
  removed.sort((left, right) => byText(left.path, right.path));
  if (!options.dryRun) await removeAll(folder, removed, options.onProgress);
  const keptObjects = kept.filter(({ kind }) => kind === "object").length;
  return { removed, freedBytes: total(removed), keptObjects, keptBytes: total(kept) };
}

function total(objects: readonly StoredObject[]): number {
  return objects.reduce((sum, { sizeBytes }) => sum + sizeBytes, 0);
}

/**
 * Deletes every artifact of SSTATE_PKGSPEC, of all tasks and signatures, with what stands beside it.
 *
 * @returns how many @throws BuildError `sstate/long-name`; system errors
 */
export async function removeArtifacts(folder: string, spec: string): Promise<number> {
  const wanted = (await listStore(folder)).filter(({ path }) => isOfSpec(path, spec));
  await eachLimited(wanted, PARALLEL, ({ path }) => removeObject(join(folder, path), Infinity));
  return wanted.length;
}

/** Deletes an object with what stands beside it. @param object its path @throws system errors */
export function removeStored(object: string): Promise<void> {
  return removeObject(object, Infinity);
}

async function removeAll(
  folder: string,
  removed: readonly StoredObject[],
  onProgress: PruneOptions["onProgress"],
): Promise<void> {
  let done = 0;
  await eachLimited(removed, PARALLEL, async ({ path, usedMs }) => {
    await removeObject(join(folder, path), usedMs);
    onProgress?.(++done, removed.length);
  });
}

/**
 * The artifact first: a reader never sees it without its checksum. Under the lock of those who publish: what somebody has
 * used or made again since we have looked stays.
 */
async function removeObject(object: string, usedMs: number): Promise<void> {
  const files = ["", ".sha256", ".siginfo", ".sig"].map((suffix) => `${object}${suffix}`);
  try {
    await using _lock = await lockFolder(object);
    const times = await eachLimited(files, AT_ONCE, statIfThere);
    if (times.some((found) => found !== undefined && found.mtimeMs > usedMs)) return;
    for (const path of files) await rm(path, { force: true });
  } catch (error) {
    // Its folder is gone.
    if (!hasCode(error, "ENOENT")) throw error;
  }
}

/**
 * Every file of the store. Without a promise for each: a store holds hundreds of thousands, and most are known to the
 * system already. Others have their turn between two folders.
 */
async function* filesBelow(folder: string, below: string): AsyncGenerator<[path: string, found: Stats]> {
  const folders: string[] = [];
  for (const one of readFolder(join(folder, below))) {
    const path = below === "" ? one.name : `${below}/${one.name}`;
    if (one.isDirectory()) folders.push(path);
    else if (one.isFile()) {
      const found = statSync(join(folder, path), { throwIfNoEntry: false });
      if (found) yield [path, found];
    }
  }
  await setImmediate();
  for (const path of folders) yield* filesBelow(folder, path);
}

function readFolder(folder: string): Dirent[] {
  try {
    return readdirSync(folder, { withFileTypes: true });
  } catch (error) {
    // Pruned by someone else meanwhile.
    if (!hasCode(error, "ENOENT")) throw error;
    return [];
  }
}

async function statIfThere(path: string): Promise<{ size: number; mtimeMs: number } | undefined> {
  try {
    return await stat(path);
  } catch (error) {
    if (hasCode(error, "ENOENT")) return undefined;
    throw error;
  }
}
