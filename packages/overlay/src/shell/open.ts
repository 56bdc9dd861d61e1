/** One opening of an overlay: from the lock to the end of the command. */
import { mkdir, readdir, rm, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { BuildError, diskProblem, hasCode } from "@tsbake/base";
import { commandIn } from "@tsbake/image/command";
import type { BackendName } from "@tsbake/packaging";
import { runInOverlay } from "@tsbake/sandbox";
import { foreignFormat, otherBase } from "../problems.js";
import { baseTree, dropBases, lockBases } from "../store/base-tree.js";
import { lockOverlay } from "../store/lock.js";
import { baseFolder, type OverlayPlaces, overlayPlaces, treeFromOverlay } from "../store/places.js";
import { type OverlayRecord, overlayRecordIfThere, writeOverlayRecord } from "../store/record.js";
import type { Drift } from "./drift.js";
import type { OverlayRoot } from "./boot.js";
import { writeMountPoints, writeSessionLayer } from "./session/layer.js";
import type { SessionRequest } from "./session/parts.js";
import { hasPlan } from "./plan.js";

type Given = Pick<
  SessionRequest,
  "binds" | "feed" | "indexedFeeds" | "isOffline" | "recipePackages" | "tools"
>;

export interface ShellRequest extends Given {
  /** OVERLAY_DIR, absolute. */
  readonly overlays: string;
  readonly name: string;
  readonly base: {
    /** As it is called in the project. */
    readonly recipe: string;
    /** The tar that do_base_tree keeps. */
    readonly tree: string;
    /** Format of its packages. */
    readonly format: BackendName;
    /** Debian's word. */
    readonly architecture: string;
  };
  /** A PATH with rpm and rpmdb, for bases of rpm packages. */
  readonly programs: string | undefined;
  /** Starts the base's init, and runs the command in the system. Such a system has no network. */
  readonly boots: boolean;
  /** Goes over to the base as it is now, where it was built anew. */
  readonly updatesDatabase: boolean;
  /** Program and arguments; undefined: a shell. */
  readonly command: readonly string[] | undefined;
  /** Of the caller: TERM and the proxies are handed on. */
  readonly environment: Readonly<Record<string, string>>;
  /** What a second opener is told. */
  readonly holder: string;
  readonly onProgress: (text: string) => void;
  /** Called where the base has moved, before the command starts. */
  readonly onDrift: (drift: Drift) => void;
  /** The terminal is the command's from now on. */
  readonly onStart: () => void;
  readonly signal?: AbortSignal | undefined;
}

const PROXIES = ["http_proxy", "https_proxy", "ftp_proxy", "no_proxy", "all_proxy"];

/**
 * @returns the exit code of the command
 * @throws BuildError `image/cannot-boot`, `image/not-booted`, `overlay/in-use`, `overlay/bad-name`, `overlay/other-base`, `overlay/foreign-format`, `base/disk-full`, `sandbox/…`, `packaging/…`
 */
export async function runShell(request: ShellRequest): Promise<number> {
  try {
    return await openAndRun(request);
  } catch (error) {
    // A system error does not always say where it was.
    const disk = diskProblem(error, [request.overlays], `the shell \`${request.name}\``);
    throw disk === undefined ? error : new BuildError([disk]);
  }
}

async function openAndRun(request: ShellRequest): Promise<number> {
  const { overlays, name, base, onProgress } = request;
  if (request.boots) (await import("@tsbake/image/system")).refuseBoot();
  const places = overlayPlaces(overlays, name);
  await mkdir(places.folder, { recursive: true });
  await using lock = await lockOverlay(places, name, request.holder);
  await rm(places.reserve, { force: true });
  const claimed = await claimBase(request, places);
  for (const folder of [places.upper, places.work, places.point]) await mkdir(folder, { recursive: true });
  const record = await moveBase(request, places, claimed, lock.fd);
  const tree = join(baseFolder(overlays, record.digest), "tree");
  const binds = await writeSessionLayer({
    ...request,
    places,
    tree,
    format: base.format,
    feed: { ...request.feed, onProgress },
    isOffline: request.isOffline || request.boots,
  });
  const root: OverlayRoot = {
    folder: places.folder,
    lowers: ["session", treeFromOverlay(record.digest)],
    upper: "upper",
    work: "work",
    point: "point",
    binds,
    hostname: base.recipe.replace(/[^A-Za-z0-9-]/g, "-"),
    lockFd: lock.fd,
    signal: request.signal,
  };
  const use = async (work: () => Promise<number>): Promise<number> => {
    await keepReserve(places);
    request.onStart();
    try {
      return await work();
    } finally {
      await noteUse(places, record);
    }
  };
  return request.boots ? await runBooted(request, root, use) : await use(() => runHere(request, root));
}

function runHere(request: ShellRequest, root: OverlayRoot): Promise<number> {
  const { words, env } = commandIn(request.command, request.environment["TERM"]);
  const proxies = request.isOffline ? [] : PROXIES.flatMap((one) => [one, one.toUpperCase()]);
  const handed = proxies.flatMap((one) => {
    const value = request.environment[one];
    return value === undefined ? [] : [[one, value] as const];
  });
  return runInOverlay({
    ...root,
    network: !request.isOffline,
    command: words,
    env: { ...env, ...Object.fromEntries(handed) },
  });
}

/** @param use around the work that has the terminal */
async function runBooted(
  request: ShellRequest,
  root: OverlayRoot,
  use: (work: () => Promise<number>) => Promise<number>,
): Promise<number> {
  const { bootOverlay } = await import("./boot.js");
  request.onProgress(`booting ${request.base.recipe}`);
  await using system = await bootOverlay(root);
  const end = (): void => void system.close();
  request.signal?.addEventListener("abort", end, { once: true });
  try {
    return await use(async () => {
      const code = await system.run(request.command, request.environment["TERM"]);
      await system.shutDown();
      return code;
    });
  } finally {
    request.signal?.removeEventListener("abort", end);
  }
}

/** What locks, record and session take at the next opening, so that who has filled the disk in the shell can open it to make room. */
const RESERVE_BYTES = 256 * 1024;

async function keepReserve({ reserve }: OverlayPlaces): Promise<void> {
  try {
    await writeFile(reserve, Buffer.alloc(RESERVE_BYTES, 1));
  } catch (error) {
    if (!hasCode(error, "ENOSPC", "EDQUOT")) throw error;
  }
}

/** Who has filled the disk in the shell has been told there; that it was used now is worth no failure. */
async function noteUse(places: OverlayPlaces, record: OverlayRecord): Promise<void> {
  try {
    await writeOverlayRecord(places, { ...record, usedMs: Date.now() });
  } catch (error) {
    if (!hasCode(error, "ENOSPC", "EDQUOT")) throw error;
  }
}

/** Brings the overlay onto its base as that is now, where it has changed. @returns its record then */
async function moveBase(
  request: ShellRequest,
  places: OverlayPlaces,
  { record, digest }: Claimed,
  lockFd: number,
): Promise<OverlayRecord> {
  const { overlays, base, onProgress } = request;
  const stored = { format: base.format, programs: request.programs };
  const shared = { overlays, places, base: base.recipe, stored };
  let now = record;
  const apply = async (to: string): Promise<void> => {
    // Its mount points are there before anything is mounted.
    await writeMountPoints(places);
    const { applyUpdate } = await import("./update.js");
    await applyUpdate({ ...shared, to }, lockFd);
    const { next: _next, ...rest } = now;
    now = { ...rest, digest: to };
    await writeOverlayRecord(places, now);
    // Not before: until the record says so, it is done again.
    await rm(places.update, { recursive: true, force: true });
  };
  // Somebody was killed in between.
  if (now.next !== undefined && (await hasPlan(places))) await apply(now.next);
  if (digest === now.digest || !request.updatesDatabase) return now;
  const isUntouched = (await readdir(places.upper)).length === 0;
  if (isUntouched) {
    const { next: _next, ...rest } = now;
    now = { ...rest, digest };
    await writeOverlayRecord(places, now);
  } else {
    onProgress(`bringing the shell onto ${base.recipe} as it is now`);
    now = { ...now, next: digest };
    await writeOverlayRecord(places, now);
    const { planUpdate } = await import("./update.js");
    const drift = await planUpdate({ ...shared, from: now.digest, to: digest });
    await apply(digest);
    request.onDrift(drift);
  }
  await using _bases = await lockBases(overlays);
  await dropBases(overlays);
  return now;
}

interface Claimed {
  readonly record: OverlayRecord;
  /** Of the base's tree as it is now. */
  readonly digest: string;
}

/** Has the base's tree there, and what stands in the record of it. */
async function claimBase(request: ShellRequest, places: OverlayPlaces): Promise<Claimed> {
  const { overlays, name, base, onProgress } = request;
  await using _bases = await lockBases(overlays);
  const before = await overlayRecordIfThere(places);
  if (before !== undefined && before.base !== base.recipe)
    throw new BuildError([otherBase(name, before.base, base.recipe)]);
  if (before !== undefined && before.packages !== base.format)
    throw new BuildError([foreignFormat(name, base.recipe, before.packages, base.format)]);
  // Who stays on the base of before needs no other one.
  const stays = before !== undefined && !request.updatesDatabase;
  const unpacking = () => onProgress(`unpacking ${base.recipe}`);
  const digest = stays ? before.digest : await baseTree(overlays, base.tree, unpacking);
  const now = Date.now();
  const record: OverlayRecord = before ?? {
    format: 1,
    base: base.recipe,
    digest,
    packages: base.format,
    architecture: base.architecture,
    createdMs: now,
    usedMs: now,
  };
  // What is named by a record stays, though nobody has changed over to it yet.
  if (before === undefined) await writeOverlayRecord(places, record);
  else if (before.digest !== digest && before.next === undefined)
    await writeOverlayRecord(places, { ...before, next: digest });
  return { record, digest };
}
