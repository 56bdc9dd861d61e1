/** The file system in a disk image with a partition table (DDI). The table is a stranger's: no number of it is trusted. */
import { createReadStream, createWriteStream } from "node:fs";
import { open } from "node:fs/promises";
import { pipeline } from "node:stream/promises";

const SECTOR_BYTES = 512;
/** As large as a table is; others have a reason that is none of ours. */
const ENTRY_BYTES = 128;
const MOST_ENTRIES = 128;

/** Where a partition lies in the image. Bytes; `end` is behind it. */
export interface PartitionPlace {
  readonly at: number;
  readonly end: number;
}

/**
 * The partitions that lie wholly in the file, in the order of the table.
 *
 * @returns none for a table that is not as systemd-repart writes it
 * @see UEFI specification, 5.3 GUID Partition Table (GPT) Disk Layout
 */
export async function partitionPlaces(path: string): Promise<PartitionPlace[]> {
  const file = await open(path);
  try {
    const { size } = await file.stat();
    const header = Buffer.alloc(92);
    await file.read(header, 0, header.length, SECTOR_BYTES);
    const table = Number(header.readBigUInt64LE(72)) * SECTOR_BYTES;
    const count = Math.min(header.readUInt32LE(80), MOST_ENTRIES);
    if (header.readUInt32LE(84) !== ENTRY_BYTES || table + count * ENTRY_BYTES > size) return [];
    const entries = Buffer.alloc(count * ENTRY_BYTES);
    await file.read(entries, 0, entries.length, table);
    const places: PartitionPlace[] = [];
    for (let entry = 0; entry < entries.length; entry += ENTRY_BYTES) {
      const at = Number(entries.readBigUInt64LE(entry + 32)) * SECTOR_BYTES;
      const end = (Number(entries.readBigUInt64LE(entry + 40)) + 1) * SECTOR_BYTES;
      if (at > 0 && at < end && end <= size) places.push({ at, end });
    }
    return places;
  } finally {
    await file.close();
  }
}

/** Copies a partition's content. @throws system errors */
export async function copyPartition(path: string, { at, end }: PartitionPlace, to: string): Promise<void> {
  await pipeline(createReadStream(path, { start: at, end: end - 1 }), createWriteStream(to));
}
