/** What is kept of an overlay beside its files. */
import { mkdir, readdir } from "node:fs/promises";
import * as v from "valibot";
import { BuildError, ifThere, readTextIfThere, writeFileAtomic } from "@tsbake/base";
import { digest, filled, readData, size } from "@tsbake/base/data";
import { badRecord, noOverlay } from "../problems.js";
import { BASES, overlayPlaces, type OverlayPlaces } from "./places.js";

const Schema = v.object({
  format: v.literal(1),
  /** Recipe of the base, as it was called. */
  base: filled,
  /** Of the base's tree that the database and the files of the overlay were made for. */
  digest,
  /** Of the tree that it is about to be made for. */
  next: v.optional(digest),
  /** Format of its packages. */
  packages: v.optional(v.picklist(["deb", "ipk", "rpm"]), "deb"),
  /** Debian's word for the architecture. */
  architecture: filled,
  /** Milliseconds since the epoch. */
  createdMs: size,
  usedMs: size,
});

export type OverlayRecord = v.InferOutput<typeof Schema>;

/** @throws BuildError `overlay/bad-record` */
export async function overlayRecordIfThere(places: OverlayPlaces): Promise<OverlayRecord | undefined> {
  const text = await readTextIfThere(places.record);
  return text === undefined
    ? undefined
    : readData(Schema, text, (reason) => badRecord(places.record, reason));
}

/** @throws BuildError `overlay/no-overlay`, `overlay/bad-record` */
export async function readOverlayRecord(overlays: string, name: string): Promise<OverlayRecord> {
  const record = await overlayRecordIfThere(overlayPlaces(overlays, name));
  if (record === undefined) throw new BuildError([noOverlay(name, await overlayNames(overlays))]);
  return record;
}

/** Whole or not at all: an overlay without a record is none. */
export async function writeOverlayRecord(places: OverlayPlaces, record: OverlayRecord): Promise<void> {
  await mkdir(places.folder, { recursive: true });
  await writeFileAtomic(places.record, `${JSON.stringify(record, undefined, 2)}\n`);
}

/** Names of all, sorted. */
export async function overlayNames(overlays: string): Promise<string[]> {
  const entries = (await ifThere(readdir(overlays, { withFileTypes: true }))) ?? [];
  return entries
    .filter((entry) => entry.isDirectory() && entry.name !== BASES && !entry.name.startsWith("."))
    .map(({ name }) => name)
    .sort();
}
