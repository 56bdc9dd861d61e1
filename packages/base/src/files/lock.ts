/**
 * One holder a file among the processes of this machine, whichever container they are in and by whichever path they came.
 *
 * The lock is flock(2) on the file itself, so the kernel releases it with the last process that has it open: a killed
 * tsbake leaves nothing to clean up. Node cannot ask for it, so `flock` (util-linux) does on a descriptor that it
 * inherits: the lock belongs to the open file, and that stays ours when the child has ended.
 */
import { spawn } from "node:child_process";
import { constants } from "node:fs";
import { open, rm, stat, type FileHandle } from "node:fs/promises";
import { hasCode } from "../diagnostics/errno.js";
import { BuildError } from "../diagnostics/diagnostic.js";
import { cannotLock } from "../problems.js";
import { printable } from "../text/printable.js";

export interface Lock extends AsyncDisposable {
  release(): Promise<void>;
}

/** Of a file that is there for nothing else. */
export interface FileLock extends Lock {
  /** The open file: a process that inherits it holds the lock, too. */
  readonly fd: number;
}

export interface WaitOptions {
  /** Called once, before the first wait, with what the present holder says of itself. */
  readonly onWait?: (holder: string) => void;
}

export interface LockFileOptions extends WaitOptions {
  /** What those who wait are told, e.g. `tsbake sysext-image (process 12)`; it stands in the file. */
  readonly holder: string;
  /** Permissions of a file that is made. Whoever may open it can hold it: default 0600, its owner. */
  readonly mode?: number;
  /** The file goes when the lock is given back; who waits for it takes a new one. Default: it stays. */
  readonly isTemporary?: boolean;
}

/** What a holder without words of its own is called. */
const SOMEBODY = "another process";
/** A holder is a stranger: no more of its words is shown. */
const HOLDER_LENGTH = 200;
/** A file that something else has written is not written over. */
const MARK = "held by ";

/** Waits until this process alone holds an existing file or folder. @throws BuildError `base/cannot-lock`; system errors */
export function lockPath(path: string, options: WaitOptions = {}): Promise<Lock> {
  const read = constants.O_RDONLY | constants.O_NONBLOCK;
  return hold(path, () => open(path, read), { ...options, holderOf: () => Promise.resolve(SOMEBODY) });
}

/**
 * The same with a file that is there for nothing else; it is made if missing.
 *
 * @throws BuildError `base/cannot-lock`; system errors, ELOOP for a link
 */
export async function lockFile(path: string, options: LockFileOptions): Promise<FileLock> {
  const { O_RDWR, O_CREAT, O_NOFOLLOW, O_NONBLOCK } = constants;
  const file = () => open(path, O_RDWR | O_CREAT | O_NOFOLLOW | O_NONBLOCK, options.mode ?? 0o600);
  const lock = await hold(path, file, { ...options, holderOf });
  const isIntroduced = await introduce(lock.file, options.holder);
  const release = async () => {
    if (!held.has(lock.file)) return;
    if (options.isTemporary) await rm(path, { force: true });
    // Nobody holds it: a file that is looked at does not differ by who did.
    else if (isIntroduced) await lock.file.truncate(0);
    await lock.release();
  };
  return { fd: lock.file.fd, release, [Symbol.asyncDispose]: release };
}

interface Held extends Lock {
  readonly file: FileHandle;
}

interface HoldOptions extends WaitOptions {
  readonly holderOf: (file: FileHandle) => Promise<string>;
}

/** A file that nobody refers to is closed by the garbage collector, and its lock is gone. */
const held = new Set<FileHandle>();

/** The end of the line in front of each file, so that waiting inside this process takes no process and no polling. */
const lines = new Map<string, Promise<void>>();

async function hold(path: string, openIt: () => Promise<FileHandle>, options: HoldOptions): Promise<Held> {
  let isTold = false;
  const onWait = (holder: string) => {
    if (!isTold) options.onWait?.(holder);
    isTold = true;
  };
  for (;;) {
    const file = await openIt();
    const id = idOf(await file.stat({ bigint: true }));
    const leave = await enter(id);
    held.add(file);
    const release = async () => {
      if (!held.delete(file)) return;
      await file.close();
      leave();
    };
    try {
      if (!(await flock(path, file.fd, "--nonblock"))) {
        onWait(await options.holderOf(file));
        await flock(path, file.fd);
      }
      // Whoever held it may have put another file in its place.
      if ((await idAt(path)) === id) return { file, release, [Symbol.asyncDispose]: release };
    } catch (error) {
      await release();
      throw error;
    }
    await release();
  }
}

async function enter(id: string): Promise<() => void> {
  const before = lines.get(id);
  let leave = () => {};
  const own = new Promise<void>((resolve) => (leave = resolve));
  const end = (before ?? Promise.resolve()).then(() => own);
  lines.set(id, end);
  await before;
  return () => {
    leave();
    if (lines.get(id) === end) lines.delete(id);
  };
}

function idOf({ dev, ino }: { readonly dev: bigint; readonly ino: bigint }): string {
  return `${dev}:${ino}`;
}

async function idAt(path: string): Promise<string | undefined> {
  try {
    return idOf(await stat(path, { bigint: true }));
  } catch (error) {
    if (hasCode(error, "ENOENT", "ENOTDIR")) return undefined;
    throw error;
  }
}

/** @returns false when somebody else has it and `words` say not to wait */
function flock(path: string, fd: number, ...words: string[]): Promise<boolean> {
  return new Promise((resolve, reject) => {
    const child = spawn("flock", ["--conflict-exit-code", "75", ...words, "3"], {
      stdio: ["ignore", "ignore", "pipe", fd],
    });
    let said = "";
    child.stderr!.on("data", (piece: Buffer) => (said += piece.toString()));
    child.on("error", (error) => {
      const reason = hasCode(error, "ENOENT") ? "there is no `flock` (util-linux) on PATH" : error.message;
      reject(new BuildError([cannotLock(path, reason)], { cause: error }));
    });
    child.on("close", (code) => {
      if (code === 0 || code === 75) resolve(code === 0);
      else reject(new BuildError([cannotLock(path, said.trim() || `flock ended with ${code}`)]));
    });
  });
}

async function holderOf(file: FileHandle): Promise<string> {
  const bytes = Buffer.alloc(HOLDER_LENGTH);
  const { bytesRead } = await file.read(bytes, 0, bytes.length, 0);
  const [first = ""] = bytes.toString("utf8", 0, bytesRead).split("\n");
  return first.startsWith(MARK) ? printable(first.slice(MARK.length)) || SOMEBODY : SOMEBODY;
}

/** @returns whether the file now says who holds it */
async function introduce(file: FileHandle, holder: string): Promise<boolean> {
  const { size } = await file.stat();
  const isOurs = size === 0 || (await holderOf(file)) !== SOMEBODY;
  if (!isOurs) return false;
  await file.truncate(0);
  await file.write(`${MARK}${printable(holder)}\n`, 0);
  return true;
}
