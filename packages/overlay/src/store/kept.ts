/** The overlays that are there: listed, begun again, taken away. */
import { mkdir, readFile } from "node:fs/promises";
import { join } from "node:path";
import { BuildError, isThere, run } from "@tsbake/base";
import { parseStanzas } from "@tsbake/packaging";
import { packageKey } from "../database/state.js";
import { readState, type StoredAs } from "../database/stored/read.js";
import { noOverlay } from "../problems.js";
import { dropBases, lockBases } from "./base-tree.js";
import { holderOfOverlay, lockOverlay } from "./lock.js";
import { removeOwned } from "./owned.js";
import { baseFolder, type OverlayPlaces, overlayPlaces } from "./places.js";
import { overlayNames, readOverlayRecord, overlayRecordIfThere } from "./record.js";

export interface KeptOverlay {
  readonly name: string;
  readonly base: string;
  /** Packages that the base has not, and that it has and the overlay has not. */
  readonly added: number;
  readonly removed: number;
  readonly sizeBytes: number;
  readonly usedMs: number;
  /** Who has it open. */
  readonly holder?: string;
}

/** @param programs a PATH with rpm and rpmdb @throws BuildError `overlay/bad-record`, `packaging/no-rpm` */
export async function listOverlays(overlays: string, programs?: string): Promise<KeptOverlay[]> {
  const found: KeptOverlay[] = [];
  for (const name of await overlayNames(overlays)) {
    const places = overlayPlaces(overlays, name);
    const record = await overlayRecordIfThere(places);
    if (record === undefined) continue;
    const stored = { format: record.packages, programs };
    const base = await installedIn(join(baseFolder(overlays, record.digest), "tree"), stored);
    const own = (await installedIn(places.upper, stored)) ?? base;
    const holder = await holderOfOverlay(places);
    found.push({
      name,
      base: record.base,
      added: [...(own ?? [])].filter((one) => base?.has(one) === false).length,
      removed: [...(base ?? [])].filter((one) => own?.has(one) === false).length,
      sizeBytes: await sizeOf(places.upper),
      usedMs: record.usedMs,
      ...(holder !== undefined && { holder }),
    });
  }
  return found;
}

const STATUS_FILES = {
  deb: "var/lib/dpkg/status",
  ipk: "var/lib/opkg/status",
  rpm: "var/lib/rpm/rpmdb.sqlite",
};

/** Keys of packages; undefined where nothing is said. */
async function installedIn(root: string, stored: StoredAs): Promise<Set<string> | undefined> {
  const path = join(root, STATUS_FILES[stored.format]);
  if (!(await isThere(path))) return undefined;
  if (stored.format === "rpm") return new Set((await readState([root], stored)).packages.keys());
  const { stanzas } = parseStanzas(await readFile(path, "latin1"));
  return new Set(stanzas.filter((one) => one.get("Status")?.endsWith(" installed")).map(packageKey));
}

/** What it takes on the disk, of what this user may look into. */
async function sizeOf(folder: string): Promise<number> {
  const { stdout } = await run("du", ["-s", "--block-size=1", "--", folder], { mayFail: true });
  return Number(/^\d+/.exec(stdout)?.[0] ?? 0);
}

/** @throws BuildError `overlay/no-overlay`, `overlay/in-use` */
export async function removeOverlay(overlays: string, name: string, holder: string): Promise<void> {
  const places = overlayPlaces(overlays, name);
  if (!(await overlayNames(overlays)).includes(name))
    throw new BuildError([noOverlay(name, await overlayNames(overlays))]);
  await using _lock = await lockOverlay(places, name, holder);
  await using _bases = await lockBases(overlays);
  await removeOwned(overlays, [places.folder]);
  await dropBases(overlays);
}

/**
 * Takes away what was changed in it: it begins again, with its base as that is at the next opening.
 *
 * @returns its base
 * @throws BuildError `overlay/no-overlay`, `overlay/in-use`
 */
export async function resetOverlay(overlays: string, name: string, holder: string): Promise<string> {
  const places = overlayPlaces(overlays, name);
  const { base } = await readOverlayRecord(overlays, name);
  await using _lock = await lockOverlay(places, name, holder);
  await emptyOverlay(places);
  return base;
}

async function emptyOverlay(places: OverlayPlaces): Promise<void> {
  await removeOwned(places.folder, [places.upper, places.work]);
  for (const folder of [places.upper, places.work]) await mkdir(folder);
}
