/** Keeping a store in bounds and in order: statistics, verification, pruning. */
import { rm, stat } from "node:fs/promises";
import { join } from "node:path";
import { eachLimited, byText, ifThere } from "@tsbake/base";
import { folderCatalog, listStore } from "./folder-catalog.js";
import type { ArtifactSigner } from "./gpg.js";
import type { Catalog, StoredObject } from "./catalog.js";
import { isOfSpec } from "./names.js";
import { discard, faultOfNamed } from "./trust.js";

/** Files that are read or deleted at once. */
const PARALLEL = 4;
/** A write that is under way is not a rest until it is this old. */
const REST_AGE_MS = 24 * 3_600_000;

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
  catalog: Catalog,
  onProgress?: (files: number) => void,
): Promise<StoreStatistics> {
  const all = await catalog.list(onProgress);
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

/** Reads every object and compares it with its checksum, the name in it with that of its file, and its signature where they count. */
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
    const fault = await faultOfNamed(join(folder, path), signer);
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
  const fault = await discard(object, signer, faultOfNamed);
  return fault?.kind === "damaged" && (await ifThere(stat(`${object}.bad`))) !== undefined;
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
export async function pruneStore(catalog: Catalog, options: PruneOptions): Promise<Pruned> {
  const now = options.nowMs ?? Date.now();
  const removed: (StoredObject & { why: Pruned["removed"][number]["why"] })[] = [];
  const kept: StoredObject[] = [];
  for (const one of await catalog.list(options.onProgress)) {
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
  const gone = options.dryRun ? removed : await removeAll(catalog, removed, options.onProgress);
  const keptObjects = kept.filter(({ kind }) => kind === "object").length;
  return { removed: gone, freedBytes: total(gone), keptObjects, keptBytes: total(kept) };
}

function total(objects: readonly StoredObject[]): number {
  return objects.reduce((sum, { sizeBytes }) => sum + sizeBytes, 0);
}

/** @returns those that went: what was used since it was listed has stayed */
async function removeAll<Listed extends StoredObject>(
  catalog: Catalog,
  listed: readonly Listed[],
  onProgress: PruneOptions["onProgress"],
): Promise<Listed[]> {
  let done = 0;
  const went = await eachLimited(listed, PARALLEL, async (one) => {
    const isGone = await catalog.removeUnused(one);
    onProgress?.(++done, listed.length);
    return isGone;
  });
  return listed.filter((_one, at) => went[at]);
}

/**
 * Deletes every artifact of SSTATE_PKGSPEC, of all tasks and signatures, with what stands beside it.
 *
 * @returns how many @throws BuildError `sstate/long-name`; system errors
 */
export async function removeArtifacts(folder: string, spec: string): Promise<number> {
  const catalog = folderCatalog(folder);
  const wanted = (await catalog.list()).filter(({ path }) => isOfSpec(path, spec));
  await eachLimited(wanted, PARALLEL, (one) => catalog.removeUnused({ ...one, usedMs: Infinity }));
  return wanted.length;
}
