/** Problems that any room can meet, one function each, in the order of their codes. */
import type { Diagnostic } from "./diagnostics/diagnostic.js";
import { lastLines } from "./text/printable.js";

/** A key or certificate that cannot sign. @param path of one of the two; never what is in it */
export function badSigningKey(path: string, why: string): Diagnostic {
  return {
    severity: "error",
    code: "base/bad-signing-key",
    message: `nothing can be signed with ${path === "" ? "an empty path" : path}: ${why}`,
    help: "name a private key and its own certificate, both PEM, by absolute paths in IMAGE_VERITY_KEY and IMAGE_VERITY_CERTIFICATE",
  };
}

/** A lock that the file system or the machine does not give. */
export function cannotLock(path: string, reason: string): Diagnostic {
  return {
    severity: "error",
    code: "base/cannot-lock",
    message: `cannot lock ${path}: ${reason}`,
    help: "put the folder on a file system with flock(2), and have `flock` of util-linux on PATH: two builds that write at the same time would spoil each other's files",
  };
}

/** How a program ended, and what it said. */
export interface RunResult {
  /** Exit code; null when a signal ended it. */
  readonly code: number | null;
  readonly signal: NodeJS.Signals | null;
  readonly stdout: string;
  readonly stderr: string;
}

/** A program failed where none should. */
export function commandFailed(command: string, result: RunResult): Diagnostic {
  const how = result.code === null ? `was ended by ${result.signal}` : `failed with exit code ${result.code}`;
  const said = lastLines(result.stderr || result.stdout, 12);
  return {
    severity: "error",
    code: "base/command-failed",
    message: `\`${command}\` ${how}`,
    help: said === "" ? "it said nothing" : `it said:\n${said}`,
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

/** What is about to be written cannot fit. @param what needs the space, e.g. `unpacking 12 packages` */
export function diskTooSmall(
  { folder, mount, free, size }: Disk,
  needBytes: number,
  what: string,
): Diagnostic {
  return {
    severity: "error",
    code: "base/disk-full",
    message: `${what} needs ${amount(needBytes)} in ${folder}: of the disk mounted on ${mount}, ${amount(free)} of ${amount(size)} are free`,
    help: "free space there, then start the same command again: what is done stays done",
  };
}

/** A disk from which no program may be started. @param who what failed */
export function diskNoexec(folder: string, mount: string, who: string): Diagnostic {
  return {
    severity: "error",
    code: "base/disk-noexec",
    message: `${who}: no program may be started from ${folder}: the disk mounted on ${mount} has the option noexec`,
    help: `mount it without (\`mount -o remount,exec ${mount}\`), or let the build have another folder (TSBAKE_BUILD_DIR, TMPDIR). Then start the same command again: what is done stays done`,
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

/** A process that the kernel does not start: E2BIG. */
export interface LongStart {
  readonly command: string;
  /** A variable has a name, an argument has not. */
  readonly longest: { readonly name?: string; readonly bytes: number; readonly begins?: string };
  /** Of all arguments and variables. */
  readonly bytes: number;
  readonly limit: number;
  /** The longest alone is beyond the limit. */
  readonly isOne: boolean;
}

/** A command line or an environment is longer than the kernel takes. @param who whose process it is */
export function tooLong({ command, longest, bytes, limit, isOne }: LongStart, who?: string): Diagnostic {
  const what =
    longest.name === undefined
      ? `the argument \`${longest.begins ?? ""}…\``
      : `the exported variable \`${longest.name}\``;
  const message = isOne
    ? `${what} has ${longest.bytes} bytes, and the kernel takes ${limit} for one`
    : `its arguments and exported variables have ${bytes} bytes together, and the kernel takes ${limit}; ${what} is the longest with ${longest.bytes}`;
  return {
    severity: "error",
    code: "base/too-long",
    message: `${who === undefined ? "" : `${who}: `}cannot start \`${command}\`: ${message}`,
    help:
      longest.name === undefined
        ? "hand the list over in a file or by standard input"
        : `take \`export\` off ${longest.name} and write its value into a file in the task, or shorten it`,
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
