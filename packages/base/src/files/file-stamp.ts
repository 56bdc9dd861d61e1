/**
 * What `stat` says of a file, as one text. Everything that remembers a digest or a parse by it uses this, so that there is
 * one rule: as long as the stamp is the same, and it was settled when the file was read, the content is the same.
 *
 * Size and time of modification are whatever the last program wanted them to be (git with fixed times, rsync -t, unpacked
 * archives); the time of change is the kernel's own. A folder that was copied has other stamps and the same content: what
 * remembers compares the content then, once.
 */
import type { BigIntStats } from "node:fs";

/** Kind, size, times of modification and change in ns, inode; without blanks. */
export type FileStamp = string;

/** @param status of `stat` with `bigint`, so that times are whole nanoseconds */
export function fileStamp(status: BigIntStats): FileStamp {
  const kind = status.isFile() ? "" : status.isDirectory() ? "d" : "s";
  return `${kind}${status.size}:${status.mtimeNs}:${status.ctimeNs}:${status.ino}`;
}

const SECOND_NS = 1_000_000_000n;
/** File systems without fractions of seconds: FAT counts in twos. */
const COARSE_NS = 2n * SECOND_NS;
/** Others take the time of the kernel's last tick, 10 ms at most; the rest is for clocks of servers. */
const FINE_NS = SECOND_NS / 10n;

/**
 * Whether any later change gives another stamp. One that comes within the same grain of the file system's clock does not,
 * so what was read too soon after a change is not remembered by its stamp.
 *
 * @param beforeMs since epoch, from before `stat` was called
 */
export function isSettled({ mtimeNs, ctimeNs }: BigIntStats, beforeMs: number): boolean {
  const now = BigInt(Math.floor(beforeMs)) * 1_000_000n;
  const grain = ctimeNs % SECOND_NS === 0n ? COARSE_NS : FINE_NS;
  // A time of modification far in the future was set by hand; FAT has no time of change that lasts.
  const isJustWritten = mtimeNs > now - grain && mtimeNs < now + COARSE_NS;
  return ctimeNs < now - grain && !isJustWritten;
}
