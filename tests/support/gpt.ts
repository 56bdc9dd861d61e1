/** The partitions of a disk image, for tests to look at what is in them. */
import { readFileSync } from "node:fs";

export interface Partition {
  readonly label: string;
  readonly content: Buffer;
}

const SECTOR_BYTES = 512;

/** @see UEFI specification, 5.3 GUID Partition Table (GPT) Disk Layout */
export function partitionsOf(path: string): Partition[] {
  const image = readFileSync(path);
  if (image.toString("latin1", SECTOR_BYTES, SECTOR_BYTES + 8) !== "EFI PART")
    throw new Error(`${path} has no partition table`);
  const table = Number(image.readBigUInt64LE(SECTOR_BYTES + 72)) * SECTOR_BYTES;
  const count = image.readUInt32LE(SECTOR_BYTES + 80);
  const sizeBytes = image.readUInt32LE(SECTOR_BYTES + 84);
  const found: Partition[] = [];
  for (let entry = table; entry < table + count * sizeBytes; entry += sizeBytes) {
    const at = Number(image.readBigUInt64LE(entry + 32)) * SECTOR_BYTES;
    const end = (Number(image.readBigUInt64LE(entry + 40)) + 1) * SECTOR_BYTES;
    if (at === 0) continue;
    const label = image.toString("utf16le", entry + 56, entry + 128).replace(/\0+$/, "");
    found.push({ label, content: image.subarray(at, end) });
  }
  return found;
}
