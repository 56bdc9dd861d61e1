/**
 * A place where commands run as root of their own: namespaces always, and for an ordinary user a fake root that
 * remembers owners, modes and device nodes.
 *
 * One process, the keeper, holds the namespaces open and starts commands in them (`command-server.ts`), so that a hundred commands
 * cost one setup; a command with streams of its own enters them with nsenter. When the keeper's standard input closes (also because we died), the kernel ends all that runs inside.
 *
 * A plain sandbox has the whole file system of the host in sight: it is for task bodies. Whatever handles packages takes
 * a cage instead (`cage.ts`).
 */
import { spawn } from "node:child_process";
import type { ChildProcess } from "node:child_process";
import { readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import {
  BuildError,
  demandSuccess,
  exitCodeOf,
  hasCode,
  readTextIfThere,
  run,
  scratchFolder,
} from "@tsbake/base";
import type { Runner, RunResult } from "@tsbake/base";
import { findFakeroot, sysrootOf } from "./fakeroot.js";
import type { Fakeroot } from "./fakeroot.js";
import { CommandServer, SERVE } from "./command-server.js";
import { shut, shutting } from "./doors.js";
import { loadOwnership, saveOwnership } from "./ownership.js";
import { namespaceLimits } from "./namespace-limits.js";
import { noCage, noNamespaces } from "./problems.js";
import { HOLD, KEEPER } from "./sandbox-scripts.js";

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
}

export interface SandboxRunOptions {
  readonly cwd?: string;
  /** Added to a minimal environment (PATH, HOME, LC_ALL, DEBIAN_FRONTEND=noninteractive, SOURCE_DATE_EPOCH if set). */
  readonly env?: Readonly<Record<string, string>>;
  readonly input?: string | Uint8Array | Iterable<Uint8Array>;
  /** Where standard output goes instead of `stdout`: a file descriptor. */
  readonly stdoutFd?: number;
  readonly onOutput?: (text: string, stream: "stdout" | "stderr") => void;
  readonly signal?: AbortSignal;
  /** The caller looks at the exit code himself. Default: another than 0 is an error. */
  readonly mayFail?: boolean;
}

export interface Sandbox extends AsyncDisposable {
  /** Whether owners are only remembered: Node's own lstat then sees neither them nor special modes, `listTree` does. */
  readonly isFake: boolean;
  /** Of a fake root: the native sysroot that it is from, whose other tools may be called by their paths. */
  readonly sysroot?: string | undefined;
  /** Runs a command as (fake) root, without network. @throws as `run` of `base` does */
  readonly run: Runner<SandboxRunOptions>;
  /**
   * Runs a command with this process's own standard streams.
   *
   * @param env all of its environment; default: this process's own, and its current folder
   * @returns its exit code, 128 + n for signal n
   */
  hand(command: string, args: readonly string[], env?: Readonly<Record<string, string>>): Promise<number>;
  /** Saves the ownership and ends every process inside. */
  close(): Promise<void>;
}

/** What makes a keeper, and what it needs. */
export interface KeeperScript {
  readonly script: string;
  readonly args: readonly string[];
}

const PATH = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin";
/** By its place: a task's PATH has only the tools that tasks may call. */
const NSENTER = "/usr/bin/nsenter";
const ENV = "/usr/bin/env";

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

/** @throws BuildError `sandbox/no-namespaces`, `sandbox/no-fakeroot` */
export async function openSandbox(options: SandboxOptions = {}): Promise<Sandbox> {
  return new Namespaces(await openNamespaces(options, () => ({ script: KEEPER, args: [] })));
}

/**
 * @param keeper what holds the namespaces, given an empty folder that lives as long and what the fake root must have in sight
 * @throws BuildError `sandbox/no-namespaces`, `sandbox/no-fakeroot`, `sandbox/no-cage`
 */
export async function openNamespaces(
  options: SandboxOptions & { readonly isTrial?: boolean },
  keeper: (scratch: string, inSight: string | undefined) => KeeperScript | Promise<KeeperScript>,
): Promise<Parts> {
  const { needsUser, isFake, isNested } = await standing();
  const needsFakeroot = isFake && !isNested && options.isTrial !== true;
  const fakeroot = needsFakeroot ? await findFakeroot(options.fakeroot) : undefined;
  const scratch = await scratchFolder(join(tmpdir(), "tsbake-sandbox-"));
  try {
    const load = join(scratch, "load");
    if (fakeroot) await writeFile(load, options.ownership ? await loadOwnership(options.ownership) : "");
    const outer = needsUser ? ["--user", "--map-root-user"] : [];
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

export class Namespaces implements Sandbox {
  readonly isFake: boolean;
  readonly sysroot: string | undefined;
  protected readonly parts: Parts;
  readonly #server: CommandServer;
  #closed: Promise<void> | undefined;

  constructor(parts: Parts) {
    this.isFake = parts.isFake;
    this.sysroot = parts.sysroot;
    this.parts = parts;
    this.#server = new CommandServer(parts.keeper);
  }

  readonly run: Runner<SandboxRunOptions> = async (command, args, options?): Promise<RunResult> => {
    const result = await this.enter(this.front, command, args, options);
    return options?.mayFail === true ? result : demandSuccess(command, result);
  };

  /** Words of a program that runs each command. */
  protected get front(): readonly string[] {
    return [];
  }

  /** Whatever its exit code is. @param front words of a program that runs the command */
  protected async enter(
    front: readonly string[],
    command: string,
    args: readonly string[],
    options: SandboxRunOptions = {},
  ): Promise<RunResult> {
    const { cwd = "/", env, ...rest } = options;
    const { SOURCE_DATE_EPOCH: epoch } = process.env;
    const all: Record<string, string> = {
      PATH,
      HOME: "/root",
      LC_ALL: "C.UTF-8",
      TZ: "UTC",
      DEBIAN_FRONTEND: "noninteractive",
      DEBCONF_NONINTERACTIVE_SEEN: "true",
      ...(epoch === undefined ? {} : { SOURCE_DATE_EPOCH: epoch }),
      ...env,
    };
    const isPlain =
      options.input === undefined && options.stdoutFd === undefined && options.signal === undefined;
    // For the command alone: not for what is in front of it.
    const fake = Object.entries(this.parts.fake).map(([name, value]) => `${name}=${value}`);
    const words = [...front, ...(fake.length > 0 ? [ENV, ...fake] : []), command, ...args];
    const served = isPlain
      ? this.#server.run({ cwd, env: all, words, onOutput: options.onOutput })
      : undefined;
    if (served !== undefined) return served;
    const settings = [...Object.entries(all).map(([name, value]) => `${name}=${value}`), ...fake];
    const inside = [...shut(), ...front, ENV, "-i", `--chdir=${cwd}`, ...settings, command, ...args];
    // Ours for perl: what the caller sets for his own (PERL5OPT) is nothing to us.
    return run(NSENTER, [...this.parts.enter, "--", ...inside], {
      ...rest,
      env: { PATH, LC_ALL: "C.UTF-8" },
      mayFail: true,
    });
  }

  hand(command: string, args: readonly string[], env?: Readonly<Record<string, string>>): Promise<number> {
    const settings = Object.entries({ ...env, ...this.parts.fake }).map(
      ([name, value]) => `${name}=${value}`,
    );
    const start = env === undefined ? [`--chdir=${process.cwd()}`] : ["-i", "--chdir=/"];
    const inside = [...shut(), ...this.front, ENV, ...start, ...settings, command, ...args];
    const child = spawn(NSENTER, [...this.parts.enter, "--", ...inside], {
      stdio: "inherit",
      ...(env !== undefined && { env: { PATH, LC_ALL: "C.UTF-8" } }),
    });
    return new Promise((resolve, reject) => {
      child.on("error", reject);
      child.on("close", (code, signal) => resolve(exitCodeOf(code, signal)));
    });
  }

  close(): Promise<void> {
    this.#closed ??= this.#end();
    return this.#closed;
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.close();
  }

  async #end(): Promise<void> {
    const { keeper, scratch, ownership } = this.parts;
    const ended = new Promise<void>((resolve) => {
      if (keeper.exitCode !== null || keeper.signalCode !== null) resolve();
      else keeper.on("close", () => resolve());
    });
    keeper.stdin?.end();
    await ended;
    try {
      if (ownership) await saveOwnership(ownership, await readFile(join(scratch, "save"), "utf8"));
    } finally {
      await rm(scratch, { recursive: true, force: true });
    }
  }
}
