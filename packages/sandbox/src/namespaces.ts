/** Opens namespaces, and the keeper that holds them: for a sandbox and for a cage. */
import { spawn } from "node:child_process";
import type { ChildProcess } from "node:child_process";
import { rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { BuildError, hasCode, readTextIfThere, scratchFolder } from "@tsbake/base";
import { SERVE } from "./command-server.js";
import { shutting } from "./doors.js";
import { findFakeroot, sysrootOf } from "./fakeroot.js";
import type { Fakeroot } from "./fakeroot.js";
import { loadOwnership } from "./ownership.js";
import { namespaceLimits } from "./namespace-limits.js";
import { demandSubordinateIds } from "./subordinate-ids.js";
import { noCage, noNamespaces } from "./problems.js";
import { HOLD } from "./sandbox-scripts.js";

export interface SandboxOptions {
  /** For an ordinary user: the native sysroot that holds `faked` and `libfakeroot`. Default: TSBAKE_FAKEROOT, then the host's. */
  readonly fakeroot?: string;
  /**
   * For an ordinary user: the file that carries owners and modes from one sandbox to the next, for every file below
   * the folder that it lies in. Real root has them in the file system and never writes it. A sandbox opened inside
   * another one uses the outer one's.
   */
  readonly ownership?: string;
  /** Leaves the network as it is; default: there is none. */
  readonly network?: boolean;
  /**
   * For an ordinary user: owners are real, of the ids that subuid(5) gives him, and there is no fakeroot. What one such sandbox
   * leaves on the disk the next one finds.
   */
  readonly subordinateIds?: boolean;
}

/** What makes a keeper, and what it needs. */
export interface KeeperScript {
  readonly script: string;
  readonly args: readonly string[];
}

/** Where programs of a root are, and of this machine. */
export const PATH = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin";

/** What this process may do already. */
interface Standing {
  /** No uid 0: a user namespace is needed. */
  readonly needsUser: boolean;
  /** Owners cannot be real: only one uid is mapped. */
  readonly isFake: boolean;
  /** An outer sandbox's faked serves us. */
  readonly isNested: boolean;
}

async function standing(): Promise<Standing> {
  const isRoot = process.getuid?.() === 0;
  // A kernel without user namespaces has no such file.
  const map = (await readTextIfThere("/proc/self/uid_map")) ?? "0 0 4294967295";
  // Debian's system accounts go up to 65534 (nobody); a map that ends before that cannot hold them.
  const isWhole = map.split("\n").some((line) => Number(line.trim().split(/\s+/)[2] ?? 0) > 65534);
  const isFake = !isRoot || !isWhole;
  return { needsUser: !isRoot, isFake, isNested: isFake && process.env["FAKEROOTKEY"] !== undefined };
}

/**
 * Standing of one whose owners are real: of the machine, or of the ids that the user has for himself.
 *
 * @throws BuildError `sandbox/no-subordinate-ids`
 */
export async function ownIds(): Promise<Standing> {
  const needsUser = process.getuid?.() !== 0;
  if (needsUser) await demandSubordinateIds();
  return { needsUser, isFake: false, isNested: false };
}

/** For unshare(1), and nothing for whom no user namespace is needed. */
export function userWords(needsUser: boolean, subordinateIds: boolean | undefined): string[] {
  if (!needsUser) return [];
  return ["--user", "--map-root-user", ...(subordinateIds ? ["--map-auto"] : [])];
}

/**
 * @param keeper what holds the namespaces, given an empty folder that lives as long and what the fake root must have in sight
 * @throws BuildError `sandbox/no-namespaces`, `sandbox/no-fakeroot`, `sandbox/no-cage`
 */
export async function openNamespaces(
  options: SandboxOptions & { readonly isTrial?: boolean },
  keeper: (scratch: string, inSight: string | undefined) => KeeperScript | Promise<KeeperScript>,
): Promise<Parts> {
  const { needsUser, isFake, isNested } = options.subordinateIds ? await ownIds() : await standing();
  const needsFakeroot = isFake && !isNested && options.isTrial !== true;
  const fakeroot = needsFakeroot ? await findFakeroot(options.fakeroot) : undefined;
  const scratch = await scratchFolder(join(tmpdir(), "tsbake-sandbox-"));
  try {
    const load = join(scratch, "load");
    if (fakeroot) await writeFile(load, options.ownership ? await loadOwnership(options.ownership) : "");
    const outer = userWords(needsUser, options.subordinateIds);
    // The queue of an outer faked lives in the ipc namespace that we are in; one of our own is shared with ours.
    if (!isNested) outer.push("--ipc");
    const kinds = ["--mount", "--uts", "--pid", ...(options.network ? [] : ["--net"])];
    const fake = fakeroot ? undefined : isNested ? inheritedFakeroot() : {};
    const inherited = isNested ? process.env["LD_LIBRARY_PATH"]?.split(":")[0] : undefined;
    const libraryFolder = fakeroot?.libraryFolder ?? inherited;
    const sysroot = libraryFolder === undefined ? undefined : sysrootOf(libraryFolder);
    const { script, args } = await keeper(scratch, sysroot ?? libraryFolder);
    const inner = [
      "unshare",
      ...kinds,
      "--pid",
      "--fork",
      "--kill-child",
      "sh",
      "-c",
      script,
      "keeper",
      ...args,
      ...shutting(SERVE),
    ];
    const started = await startKeeper(outer, fakeroot, scratch, inner);
    const enter = ["--target", started.pid, ...kinds, ...(isNested ? [] : ["--ipc"])];
    if (needsUser) enter.push("--user", "--preserve-credentials");
    return {
      isFake,
      sysroot,
      enter,
      fake: fake ?? fakerootEnvironment(fakeroot!, started.key),
      keeper: started.child,
      pid: started.pid,
      scratch,
      ownership: fakeroot && options.ownership,
    };
  } catch (error) {
    await rm(scratch, { recursive: true, force: true });
    throw error;
  }
}

function fakerootEnvironment(fakeroot: Fakeroot, key: string): Record<string, string> {
  return {
    FAKEROOTKEY: key,
    // Without a slash, found along LD_LIBRARY_PATH: the first folder is there outside of a root, the second inside.
    LD_PRELOAD: fakeroot.library,
    LD_LIBRARY_PATH: `${fakeroot.libraryFolder}:${FAKEROOT_INSIDE}`,
    FAKEROOTDONTTRYCHOWN: "1",
  };
}

/** Where a cage shows libfakeroot inside a root. */
export const FAKEROOT_INSIDE = "/run/tsbake-fakeroot";

function inheritedFakeroot(): Record<string, string> {
  const names = ["FAKEROOTKEY", "LD_PRELOAD", "LD_LIBRARY_PATH", "FAKEROOTDONTTRYCHOWN"];
  return Object.fromEntries(names.flatMap((name) => (process.env[name] ? [[name, process.env[name]]] : [])));
}

interface Keeper {
  readonly child: ChildProcess;
  /** As our own /proc counts. */
  readonly pid: string;
  /** faked's message queue, or "-". */
  readonly key: string;
}

function startKeeper(
  outer: readonly string[],
  fakeroot: Fakeroot | undefined,
  scratch: string,
  inner: readonly string[],
): Promise<Keeper> {
  const hold = ["sh", "-c", HOLD, "hold", fakeroot?.daemon ?? "", scratch, ...inner];
  const child = spawn("unshare", [...outer, ...hold], {
    stdio: ["pipe", "pipe", "pipe"],
    env: { PATH, LC_ALL: "C.UTF-8", ...inheritedFakeroot() },
  });
  return new Promise((resolve, reject) => {
    let out = "";
    let err = "";
    child.stdin.on("error", () => {});
    child.stderr.on("data", (piece: Buffer) => (err += piece.toString()));
    const listen = (piece: Buffer): void => {
      out += piece.toString();
      const ready = /^key (\S+)\nready (\d+)\n/.exec(out);
      if (!ready) return;
      child.stdout.off("data", listen);
      resolve({ child, key: ready[1] ?? "", pid: ready[2] ?? "" });
    };
    child.stdout.on("data", listen);
    child.on("error", (error) => {
      const reason = "there is no program `unshare` (util-linux)";
      reject(hasCode(error, "ENOENT") ? new BuildError([noNamespaces(reason)]) : error);
    });
    child.on("close", () => {
      const said = err.trim() || out.trim();
      // unshare(1) says the latter in a chroot, where the root is no mount.
      const isCage = /pivot_root|cannot change root filesystem propagation/.test(err);
      reject(new BuildError([isCage ? noCage(said) : noNamespaces(said, namespaceLimits())]));
    });
  });
}

/** Open namespaces. */
export interface Parts {
  readonly isFake: boolean;
  readonly sysroot: string | undefined;
  readonly enter: readonly string[];
  readonly fake: Readonly<Record<string, string>>;
  readonly keeper: ChildProcess;
  /** Of the keeper, as our own /proc counts. */
  readonly pid: string;
  readonly scratch: string;
  readonly ownership: string | undefined;
}
