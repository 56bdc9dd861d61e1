/**
 * Disks that take nothing more: full, out of inodes, over a quota, or read-only all of a sudden. Whatever could not be
 * written, a person needs the same: which disk it is and how much of it is free.
 */
import { accessSync, constants, readFileSync, realpathSync, statSync, statfsSync } from "node:fs";
import { dirname, resolve } from "node:path";
import { BuildError } from "../diagnostics/diagnostic.js";
import type { Diagnostic } from "../diagnostics/diagnostic.js";
import { codeOf, hasCode, messageOf } from "../diagnostics/errno.js";
import { diskFull, diskNoexec, diskReadOnly, diskTooSmall } from "../problems.js";
import type { Disk } from "../problems.js";

/** Less than this many bytes is none: what fits in is of no use to anybody. */
const NO_SPACE_BYTES = 64 * 1024;
/** Less than this many are believed to be too few when a program says so, which may have removed what it wrote. */
const LITTLE_SPACE_BYTES = 64 * 1024 * 1024;

/** File systems that need a byte for each that is written; others may compress (statfs(2)). */
const PLAIN = new Set([
  0xef53, // ext2, ext3, ext4
  0x5846_5342, // XFS
  0x0102_1994, // tmpfs
]);

type Trouble = "full" | "quota" | "read-only";

/** A problem of this kind is told once, whatever has met it, and ends a build with -k too (guarded by unit/run-tasks). */
export function isDiskProblem({ code }: Diagnostic): boolean {
  return ["base/disk-full", "base/disk-noexec", "base/disk-read-only"].includes(code);
}

/**
 * What is wrong with a disk when that is why something failed.
 *
 * @param error a system error, an error that was caused by one, or one with the words of a program
 * @param folders where we write to: a system error does not always say where it happened
 * @param who what failed; stands in front of the message
 * @returns undefined for any other error
 */
export function diskProblem(
  error: unknown,
  folders: readonly string[],
  who?: string,
): Diagnostic | undefined {
  if (error instanceof BuildError) {
    const known = error.diagnostics.find(isDiskProblem);
    if (known) return known;
  }
  const found = troubleOf(error);
  if (found === undefined) return undefined;
  const { trouble, path, isSaid } = found;
  if (trouble === "read-only") {
    const folder = path === undefined ? folders.find(isReadOnly) : dirname(path);
    return folder === undefined ? undefined : diskReadOnly(folder, mountOf(folder), who);
  }
  const disks = writableDisks(path === undefined ? folders : [dirname(path)]);
  const fullest = disks.toSorted((left, right) => left.free - right.free)[0];
  // Words may be about something else: the kernel says the same when there are too many namespaces.
  const disk = disks.find(isFull) ?? (isSaid && trouble === "full" ? disks.find(isShort) : fullest);
  return disk && diskFull(disk, trouble === "quota", who);
}

/**
 * The same for a program. Where it has no word about it, only the disk that it writes to can be the reason: that of its log.
 *
 * @param own where the program writes to
 * @param others where it may have written to as well
 * @param said the end of what the program said
 */
export function fullDisk(
  own: string,
  others: readonly string[],
  who: string,
  said: string,
): Diagnostic | undefined {
  const trouble = troubleOf({ message: said })?.trouble;
  // A body that may not write to /usr says the same as one whose own disk has become read-only.
  if (trouble === "read-only") return diskProblem({ message: said }, [own], who);
  if (trouble !== undefined) return diskProblem({ message: said }, [own, ...others], who);
  const disk = writableDisks([own]).find(isFull);
  return disk && diskFull(disk, false, who);
}

/**
 * Why a program could not be started, where it is for the disk on which it lies.
 *
 * @param own where the programs of a task lie
 * @param said the end of what it said: make and configure have exit codes of their own
 */
export function noexecDisk(own: string, who: string, code: number, said: string): Diagnostic | undefined {
  if (code !== 126 && !/permission denied/i.test(said)) return undefined;
  const place = `${realpathSync(nearestFolder(own))}/`;
  // `… MOUNT OPTIONS … - …`; of two at one place the last is what is seen, and it may be a part of a disk bound there.
  const [mount, options] = readFileSync("/proc/self/mountinfo", "utf8")
    .split("\n")
    .map((line) => line.split(" "))
    .map((fields): [string, string] => [unescaped(fields[4] ?? ""), fields[5] ?? ""])
    .filter(([at]) => at !== "" && place.startsWith(at === "/" ? at : `${at}/`))
    .reduce((one, other) => (other[0].length >= one[0].length ? other : one), ["", ""]);
  return options.split(",").includes("noexec") ? diskNoexec(own, mount, who) : undefined;
}

/** As the kernel writes blanks and the like. */
function unescaped(path: string): string {
  return path.replace(/\\([0-7]{3})/g, (_, digits: string) =>
    String.fromCharCode(Number.parseInt(digits, 8)),
  );
}

/**
 * Says beforehand what cannot fit. A disk that cannot be asked, or may hold more than its free bytes, is no obstacle.
 *
 * @param needBytes at least as many will be written into the folder, which need not be there yet
 * @param what needs them, e.g. `unpacking 12 packages`
 * @throws BuildError `base/disk-full`
 */
export function needSpace(folder: string, needBytes: number, what: string): void {
  const disk = diskOf(folder);
  if (disk && disk.isPlain && disk.free < needBytes)
    throw new BuildError([diskTooSmall(disk, needBytes, what)]);
}

const WORDS: readonly (readonly [words: RegExp, trouble: Trouble])[] = [
  [/\bENOSPC\b|no space left on device/i, "full"],
  [/\bEDQUOT\b|disk quota exceeded/i, "quota"],
  [/\bEROFS\b|read-only file system/i, "read-only"],
];

/** `isSaid`: only in words, not by a code. */
function troubleOf(error: unknown): { trouble: Trouble; path?: string; isSaid: boolean } | undefined {
  const code = codeOf(error) ?? "";
  const trouble = ({ ENOSPC: "full", EDQUOT: "quota", EROFS: "read-only" } as const)[code];
  if (trouble !== undefined) {
    const path = pathOf(error);
    return { trouble, ...(path !== undefined && { path }), isSaid: false };
  }
  const cause = causeOf(error);
  const inner = cause === undefined ? undefined : troubleOf(cause);
  if (inner) return inner;
  // tar and its like say it in words.
  const text = messageOf(error);
  const said = WORDS.find(([words]) => words.test(text));
  return said && { trouble: said[1], isSaid: true };
}

function causeOf(error: unknown): unknown {
  return typeof error === "object" && error !== null && "cause" in error ? error.cause : undefined;
}

/** Of two paths (rename, copy) the one that is written. */
function pathOf(error: unknown): string | undefined {
  if (typeof error !== "object" || error === null) return undefined;
  for (const name of ["dest", "path"] as const) {
    const path = (error as Readonly<Record<string, unknown>>)[name];
    if (typeof path === "string") return resolve(path);
  }
  return undefined;
}

/** What is read-only (an image of downloads) is full for ever, and nobody writes there. */
function writableDisks(folders: readonly string[]): Disk[] {
  return folders.flatMap((folder) => (isReadOnly(folder) ? [] : (diskOf(folder) ?? [])));
}

function isFull({ free, inodes }: Disk): boolean {
  return free < NO_SPACE_BYTES || inodes?.free === 0;
}

function isShort({ free }: Disk): boolean {
  return free < LITTLE_SPACE_BYTES;
}

function isReadOnly(folder: string): boolean {
  try {
    accessSync(nearestFolder(folder), constants.W_OK);
    return false;
  } catch (error) {
    return hasCode(error, "EROFS");
  }
}

function diskOf(folder: string): (Disk & { readonly isPlain: boolean }) | undefined {
  try {
    const { bavail, bsize, blocks, files, ffree, type } = statfsSync(nearestFolder(folder));
    return {
      folder,
      mount: mountOf(folder),
      free: bavail * bsize,
      size: blocks * bsize,
      // btrfs counts none, cephfs says -1.
      inodes: files === 0 || ffree < 0 ? undefined : { free: ffree, of: files },
      isPlain: PLAIN.has(type),
    };
  } catch {
    return undefined;
  }
}

/** What is not there yet would be made on the disk of what is. */
function nearestFolder(folder: string): string {
  let at = resolve(folder);
  while (deviceOf(at) === undefined && dirname(at) !== at) at = dirname(at);
  return at;
}

function mountOf(folder: string): string {
  let at = nearestFolder(folder);
  const device = deviceOf(at);
  while (dirname(at) !== at && deviceOf(dirname(at)) === device) at = dirname(at);
  return at;
}

function deviceOf(path: string): number | undefined {
  return statSync(path, { throwIfNoEntry: false })?.dev;
}
