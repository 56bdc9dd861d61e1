/** Problems that any room can meet, one function each, in the order of their codes. */
import type { Diagnostic } from "./diagnostic.js";

/** A lock that the file system or the machine does not give. */
export function cannotLock(path: string, reason: string): Diagnostic {
  return {
    severity: "error",
    code: "base/cannot-lock",
    message: `cannot lock ${path}: ${reason}`,
    help: "put the folder on a file system with flock(2), and have `flock` of util-linux on PATH: two builds that write at the same time would spoil each other's files",
  };
}

/** The disk of a folder. Amounts in bytes; `inodes` is undefined where the file system makes them as needed. */
export interface Disk {
  readonly folder: string;
  readonly mount: string;
  readonly free: number;
  readonly size: number;
  readonly inodes: { readonly free: number; readonly of: number } | undefined;
}

/** A disk takes nothing more. @param who what failed */
export function diskFull(disk: Disk, isQuota: boolean, who?: string): Diagnostic {
  const { folder, mount, free, size, inodes } = disk;
  const where = `the disk mounted on ${mount}`;
  const [what, remedy] = isQuota
    ? [
        `the quota of this user is used up on ${where}, where ${folder} is`,
        "remove files there or have it raised",
      ]
    : inodes?.free === 0
      ? [
          `no more files fit into ${folder}: of ${where}, 0 of ${inodes.of} inodes are free`,
          "remove files there",
        ]
      : [
          `there is not enough space in ${folder}: of ${where}, ${amount(free)} of ${amount(size)} are free`,
          "free space there",
        ];
  return {
    severity: "error",
    code: "base/disk-full",
    message: `${who === undefined ? "" : `${who}: `}${what}`,
    help: `${remedy}, then start the same command again: what is done stays done`,
  };
}

/** A disk that was writable is not any more. @param who what failed */
export function diskReadOnly(folder: string, mount: string, who?: string): Diagnostic {
  return {
    severity: "error",
    code: "base/disk-read-only",
    message: `${who === undefined ? "" : `${who}: `}nothing can be written into ${folder}: the disk mounted on ${mount} is read-only`,
    help: "make it writable, or let the build have another folder; a damaged disk is made so by the kernel (`dmesg`). Then start the same command again: what is done stays done",
  };
}

/** `300 KiB`, `20 MiB`, `15 GiB`, rounded down: what is told to be free is. */
function amount(bytes: number): string {
  const units = ["KiB", "MiB", "GiB", "TiB"];
  let value = bytes / 1024;
  let unit = 0;
  for (; value >= 10_240 && unit < units.length - 1; unit++) value /= 1024;
  return `${Math.floor(value)} ${units[unit]!}`;
}
