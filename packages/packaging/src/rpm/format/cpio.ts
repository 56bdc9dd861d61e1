/** The payload of an rpm: a cpio archive. @see cpio(5), the "New ASCII Format" */
import { nameBytes } from "@tsbake/base";

export const TRAILER = "TRAILER!!!";
/** Of a file that this form of the archive can say. */
export const LARGEST_FILE = 0xffff_ffff;

export interface CpioEntry {
  /** Absolute within the tree; the archive has a dot before it. */
  readonly path: string;
  /** With the bits of the kind. */
  readonly mode: number;
  readonly inode: number;
  readonly links: number;
  readonly mtimeSeconds: number;
  /** Bytes that follow: 0 for a hard link whose content comes with a later one. */
  readonly sizeBytes: number;
}

/** What stands before the content. */
export function cpioHeader(entry: CpioEntry): Buffer {
  return headerFor(`.${entry.path}`, entry);
}

/** What ends an archive. */
export function cpioTrailer(): Buffer {
  return headerFor(TRAILER, { mode: 0, inode: 0, links: 1, mtimeSeconds: 0, sizeBytes: 0 });
}

/** Zeros behind a content of that size. */
export function cpioPadding(sizeBytes: number): Buffer {
  return Buffer.alloc((4 - (sizeBytes % 4)) % 4);
}

function headerFor(name: string, entry: Omit<CpioEntry, "path">): Buffer {
  const bytes = nameBytes(name);
  const fields = [
    entry.inode,
    entry.mode,
    // Owners are in the rpm's header, by name.
    0,
    0,
    entry.links,
    entry.mtimeSeconds,
    entry.sizeBytes,
    // Of the file system, major and minor, and of a device.
    0,
    1,
    0,
    0,
    bytes.length + 1,
    0,
  ];
  const head = Buffer.from(`070701${fields.map((one) => one.toString(16).padStart(8, "0")).join("")}`);
  const length = head.length + bytes.length + 1;
  return Buffer.concat([head, bytes, Buffer.alloc(1 + ((4 - (length % 4)) % 4))]);
}
