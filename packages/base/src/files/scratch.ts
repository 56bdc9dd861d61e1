/**
 * Folders and files that go with their process. Their names say whose they are, so that those of processes which were killed
 * go when the next one makes its own at the same place.
 *
 *     PREFIX BOOT-NAMESPACE-PROCESS-START-XXXXXX     a folder
 *     .BOOT-NAMESPACE-PROCESS-START.XXXXXXXXXXXX.tmp  a file that is about to get its name
 */
import { randomBytes } from "node:crypto";
import { readdirSync, readFileSync, readlinkSync, rmSync } from "node:fs";
import { mkdtemp } from "node:fs/promises";
import { basename, dirname, join } from "node:path";
import { codeOf, hasCode } from "../diagnostics/errno.js";
import { sha256 } from "../text/hash.js";
import { removeTree } from "./remove.js";

interface Owner {
  /** Digits of this start of the machine. */
  readonly boot: string;
  /** Process ids mean something in one namespace only: another container's process may be alive. */
  readonly namespace: string;
  readonly pid: string;
  /** In ticks since the boot: numbers of processes come again. */
  readonly start: string;
}

let own: Owner | undefined;
/** Where leftovers were looked for: once a process. */
const swept = new Set<string>();

/**
 * Makes an empty folder of mode 0700, and removes those with the same beginning whose process is gone.
 *
 * @param prefix path, and how the name begins, e.g. `/tmp/tsbake-solve-`
 * @throws system errors
 */
export async function scratchFolder(prefix: string): Promise<string> {
  if (!swept.has(prefix)) {
    swept.add(prefix);
    await sweep(prefix);
  }
  return mkdtemp(`${prefix}${ownText()}-`);
}

/** How the names are of what `temporaryBeside` makes, at most 80 characters, however long that of the file is; and beside that. */
export const TEMPORARY_NAME = /^\.([0-9a-f]{8}-\d+-\d+-\d+)\.[0-9a-f]{12}\.tmp(?:\.sig)?$/;

/**
 * A name beside `path` that no other process uses; same file system, so a rename onto `path` is atomic. Removes those in
 * the folder whose process is gone.
 *
 * @throws system errors
 */
export function temporaryBeside(path: string): string {
  const folder = dirname(path);
  if (!swept.has(`${folder}/`)) {
    swept.add(`${folder}/`);
    for (const left of leftIn(folder, (name) => TEMPORARY_NAME.exec(name)?.[1])) {
      try {
        rmSync(left, { force: true });
      } catch (error) {
        if (!isOfOthers(error)) throw error;
      }
    }
  }
  return join(folder, `.${ownText()}.${randomBytes(6).toString("hex")}.tmp`);
}

async function sweep(prefix: string): Promise<void> {
  const [folder, beginning] = [dirname(prefix), basename(prefix)];
  const ownerIn = (name: string) =>
    name.startsWith(beginning) ? /^(.+)-\w{6}$/.exec(name.slice(beginning.length))?.[1] : undefined;
  for (const left of leftIn(folder, ownerIn)) {
    try {
      await removeTree(left);
    } catch (error) {
      if (!isOfOthers(error)) throw error;
    }
  }
}

/** Paths of what processes left that are gone. @param ownerIn the part of a name that says whose it is */
function leftIn(folder: string, ownerIn: (name: string) => string | undefined): string[] {
  let names: string[];
  try {
    names = readdirSync(folder);
  } catch (error) {
    // Whoever makes the folder, or writes there, says what is wrong with the place.
    if (codeOf(error) !== undefined) return [];
    throw error;
  }
  return names.flatMap((name) => {
    const owner = ownerOf(ownerIn(name) ?? "");
    return owner && !isAlive(owner) ? [join(folder, name)] : [];
  });
}

/** Another user's, or another process removes it at the same time. */
function isOfOthers(error: unknown): boolean {
  return hasCode(error, "EACCES", "EPERM", "EROFS", "ENOENT", "ENOTEMPTY", "EBUSY");
}

function ownText(): string {
  const { boot, namespace, pid, start } = (own ??= ourselves());
  return `${boot}-${namespace}-${pid}-${start}`;
}

function ownerOf(text: string): Owner | undefined {
  const [, boot, namespace, pid, start] = /^([0-9a-f]{8})-(\d+)-(\d+)-(\d+)$/.exec(text) ?? [];
  return boot && namespace && pid && start ? { boot, namespace, pid, start } : undefined;
}

/** Of another namespace of this boot nobody here can say, nor of any where /proc is missing, or another namespace's. */
function isAlive({ boot, namespace, pid, start }: Owner): boolean {
  const we = (own ??= ourselves());
  if (startOf(we.pid) !== we.start) return true;
  if (boot !== we.boot) return false;
  return namespace !== we.namespace || startOf(pid) === start;
}

function ourselves(): Owner {
  const boot = sha256(read("/proc/sys/kernel/random/boot_id")?.trim() ?? "").slice(0, 8);
  const namespace = /\d+/.exec(namespaceOfOurs())?.[0] ?? "0";
  return { boot, namespace, pid: String(process.pid), start: startOf("self") ?? "0" };
}

function namespaceOfOurs(): string {
  try {
    return readlinkSync("/proc/self/ns/pid");
  } catch (error) {
    if (hasCode(error, "ENOENT", "EACCES", "EPERM")) return "";
    throw error;
  }
}

/** Field 22 of /proc/PID/stat; the name before it may have anything in it. */
function startOf(pid: string): string | undefined {
  const text = read(`/proc/${pid}/stat`);
  return text?.slice(text.lastIndexOf(")") + 2).split(" ")[19];
}

function read(path: string): string | undefined {
  try {
    return readFileSync(path, "utf8");
  } catch (error) {
    if (hasCode(error, "ENOENT", "ESRCH", "EACCES", "EPERM")) return undefined;
    throw error;
  }
}
