/**
 * Folders that go with their process. Their names say whose they are, so that those of processes which were killed go when
 * the next one makes its own at the same place.
 *
 *     PREFIX BOOT-NAMESPACE-PROCESS-START-XXXXXX
 */
import { readdirSync, readFileSync, readlinkSync } from "node:fs";
import { mkdtemp } from "node:fs/promises";
import { basename, dirname, join } from "node:path";
import { hasCode } from "./errno.js";
import { sha256 } from "./hash.js";
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
  const { boot, namespace, pid, start } = (own ??= ourselves());
  return mkdtemp(`${prefix}${boot}-${namespace}-${pid}-${start}-`);
}

async function sweep(prefix: string): Promise<void> {
  const [folder, beginning] = [dirname(prefix), basename(prefix)];
  let names: string[];
  try {
    names = readdirSync(folder);
  } catch (error) {
    // Whoever makes the folder says what is wrong with the place.
    if (hasCode(error, "ENOENT", "ENOTDIR", "EACCES", "EPERM")) return;
    throw error;
  }
  for (const name of names) {
    const owner = name.startsWith(beginning) ? ownerIn(name.slice(beginning.length)) : undefined;
    if (!owner || isAlive(owner)) continue;
    try {
      await removeTree(join(folder, name));
    } catch (error) {
      // Another user's, or another process removes it at the same time.
      if (!hasCode(error, "EACCES", "EPERM", "EROFS", "ENOENT", "ENOTEMPTY", "EBUSY")) throw error;
    }
  }
}

function ownerIn(rest: string): Owner | undefined {
  const [, boot, namespace, pid, start] = /^([0-9a-f]{8})-(\d+)-(\d+)-(\d+)-\w{6}$/.exec(rest) ?? [];
  return boot && namespace && pid && start ? { boot, namespace, pid, start } : undefined;
}

/** Of another namespace of this boot nobody here can say. */
function isAlive({ boot, namespace, pid, start }: Owner): boolean {
  const we = (own ??= ourselves());
  if (boot !== we.boot) return false;
  return namespace !== we.namespace || startOf(pid) === start;
}

function ourselves(): Owner {
  const boot = sha256(read("/proc/sys/kernel/random/boot_id")?.trim() ?? "").slice(0, 8);
  const namespace = /\d+/.exec(readlinkSync("/proc/self/ns/pid"))?.[0] ?? "0";
  return { boot, namespace, pid: String(process.pid), start: startOf("self") ?? "0" };
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
