/**
 * A base booted with extensions by systemd-nspawn, for a command in a system that runs. Its tree is in memory where that
 * suffices, in a mount namespace of its own, and is gone with it; so is what systemd-nspawn keeps below /run.
 *
 * @see systemd-nspawn(1), nsenter(1)
 */
import { type ChildProcess, spawn } from "node:child_process";
import { mkdir, readFile, rm, stat } from "node:fs/promises";
import { freemem } from "node:os";
import { dirname, join, resolve } from "node:path";
import { setTimeout as wait } from "node:timers/promises";
import { BuildError, exitCodeOf, lastLines, run, sortedUnique, undefinedOn } from "@tsbake/base";
import { findProgram, insideRoot, openCage, shutFrom } from "@tsbake/sandbox";
import { unpackTree } from "../formats/tree.js";
import * as problems from "../problems.js";
import { commandIn } from "./command.js";

export interface BootOptions {
  /** Tar of the base as it is deployed. */
  readonly base: string;
  /** Extensions by their names, each a tar. */
  readonly extensions: readonly {
    readonly name: string;
    readonly tree: string;
    readonly isConfext: boolean;
  }[];
  /** A folder to work in; what is made there is removed. */
  readonly work: string;
  /** Ends the boot. */
  readonly signal?: AbortSignal | undefined;
}

/** A system that runs. */
export interface Booted extends AsyncDisposable {
  /** As `runInTree`, in the running system. */
  run(command: readonly string[] | undefined, term: string | undefined): Promise<number>;
  /** Switches it off at once, and takes it away. */
  close(): Promise<void>;
}

const PATH = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin";
/** Of Debian; a booted system has its own. */
const NSENTER = "/usr/bin/nsenter";
/** Until multi-user.target is reached, or something has failed. */
const LONGEST_BOOT_MS = 180_000;
const LOOK_AGAIN_MS = 100;
const MOST_SAID_BYTES = 65_536;
const SHOWN_LINES = 15;

/** Of the memory that is free. */
const LARGEST_SHARE = 1 / 4;

/** $1: the tree on the disk; $2: where it goes into memory, or empty; then systemd-nspawn's own words. Runs in a mount namespace. */
const BOOT = `
set -eu
from=$1
to=$2
shift 2
if [ -n "$to" ]; then
    mount -t tmpfs -o mode=755 tmpfs "$to"
    cp -a "$from/." "$to/"
    rm -rf "$from"
    from=$to
fi
mount -t tmpfs -o mode=755 tmpfs /run
exec systemd-nspawn "--directory=$from" "$@"
`;

/** Nothing of this machine, and nothing on it that tells of the system. */
const NSPAWN = [
  "--quiet",
  "--boot",
  "--register=no",
  "--keep-unit",
  "--private-network",
  "--console=pipe",
  "--link-journal=no",
  "--resolv-conf=off",
  "--timezone=off",
];

/** What systemd-nspawn leaves to the system, so that a command in it has no more. @see systemd-nspawn(1), --capability= */
const POWERS = [
  "audit_control audit_write chown dac_override dac_read_search fowner fsetid ipc_owner kill lease linux_immutable mknod",
  "net_admin net_bind_service net_broadcast net_raw setfcap setgid setpcap setuid",
  "sys_admin sys_boot sys_chroot sys_nice sys_ptrace sys_resource sys_tty_config",
].flatMap((line) => line.split(" "));

/**
 * Boots until the system says that it is up, degraded or not.
 *
 * @throws BuildError `image/cannot-boot`, `image/not-booted`, `image/format-failed`, `sandbox/…`
 */
export async function boot(options: BootOptions): Promise<Booted> {
  if (process.getuid?.() !== 0) throw new BuildError([problems.cannotBoot("root")]);
  if (findProgram("systemd-nspawn") === undefined)
    throw new BuildError([problems.cannotBoot("systemd-nspawn")]);
  const work = resolve(options.work);
  const [tree, memory] = [join(work, "tree"), join(work, "memory")];
  for (const folder of [tree, memory]) {
    await rm(folder, { recursive: true, force: true });
    await mkdir(folder, { recursive: true });
  }
  const system = { child: undefined as ChildProcess | undefined };
  const close = async (): Promise<void> => {
    await killed(system.child);
    for (const folder of [tree, memory]) await rm(folder, { recursive: true, force: true });
  };
  try {
    const sizeBytes = await layOut(options, tree);
    const fits = sizeBytes <= freemem() * LARGEST_SHARE;
    const started = start(tree, fits ? memory : "");
    system.child = started.child;
    const leader = await booted(started, options.signal);
    return {
      run: (command, term) => enter(leader, command, term),
      close,
      [Symbol.asyncDispose]: close,
    };
  } catch (error) {
    await close();
    throw error;
  }
}

/** @returns bytes of the tree */
async function layOut({ base, extensions }: BootOptions, tree: string): Promise<number> {
  const tars = [base, ...extensions.map((one) => one.tree)].map((path) => resolve(path));
  const readable = sortedUnique(tars.map(dirname));
  await using cage = await openCage({ writable: [tree], readable });
  await unpackTree(resolve(base), tree, cage);
  // A base may have a link there, which leads to this machine for us and nowhere for the cage.
  const inside = insideRoot(tree);
  for (const one of extensions)
    await unpackTree(
      one.tree,
      await inside.follow(`var/lib/${one.isConfext ? "confexts" : "extensions"}/${one.name}`),
      cage,
    );
  let sizeBytes = 0;
  for (const path of tars) sizeBytes += (await stat(path)).size;
  return sizeBytes;
}

interface Started {
  readonly child: ChildProcess;
  /** The last that it said. */
  readonly said: () => string;
  readonly hasEnded: () => boolean;
}

function start(tree: string, memory: string): Started {
  const nspawn = [...NSPAWN, `--machine=tsbake-${process.pid}`];
  // The system outlives a systemd-nspawn that is killed; nothing outlives the first process of a namespace.
  const ended = ["--pid", "--fork", "--kill-child", "--mount-proc"];
  const front = ["--pdeathsig", "KILL", "unshare", "--mount", "--propagation", "private", ...ended];
  const child = spawn("setpriv", [...front, "sh", "-c", BOOT, "boot", tree, memory, ...nspawn], {
    stdio: ["ignore", "pipe", "pipe"],
    env: { PATH, LC_ALL: "C.UTF-8" },
  });
  let said = "";
  let hasEnded = false;
  for (const stream of [child.stdout, child.stderr])
    stream.on("data", (piece: Buffer) => (said = (said + piece.toString()).slice(-MOST_SAID_BYTES)));
  child.on("error", (error) => {
    said += error.message;
    hasEnded = true;
  });
  child.on("close", () => (hasEnded = true));
  return { child, said: () => said, hasEnded: () => hasEnded };
}

/** @returns the process that is number 1 in it */
async function booted({ child, said, hasEnded }: Started, signal: AbortSignal | undefined): Promise<string> {
  const end = AbortSignal.any([AbortSignal.timeout(LONGEST_BOOT_MS), ...(signal ? [signal] : [])]);
  while (!hasEnded() && !end.aborted) {
    const leader = await leaderOf(child.pid);
    // It has no answer before its manager listens, and waits for the end of the boot from then on.
    const args = [...entering(leader ?? ""), "systemctl", "is-system-running", "--wait"];
    const state = leader && (await run("setpriv", args, { mayFail: true, signal: end, env: { PATH } }));
    if (leader && state && /^(running|degraded)$/m.test(state.stdout)) return leader;
    await wait(LOOK_AGAIN_MS);
  }
  throw new BuildError([problems.notBooted(lastLines(said(), SHOWN_LINES))]);
}

/** The first process of the system: the namespace of processes in that of {@link start}. @see proc_pid_status(5), NSpid */
async function leaderOf(pid: number | undefined): Promise<string | undefined> {
  if (pid === undefined) return undefined;
  // A process that ends meanwhile has neither (ESRCH).
  const read = (path: string) => undefinedOn(readFile(path, "utf8"), "ENOENT", "ESRCH");
  const children = async (of: string): Promise<string[]> =>
    ((await read(`/proc/${of}/task/${of}/children`)) ?? "").split(" ").filter((word) => word !== "");
  for (const nspawn of await children(String(pid)))
    for (const one of await children(nspawn)) {
      const status = await read(`/proc/${one}/status`);
      if (status !== undefined && /^NSpid:.*\t1$/m.test(status)) return one;
    }
  return undefined;
}

function entering(leader: string): string[] {
  const namespaces = ["--mount", "--uts", "--ipc", "--net", "--pid"];
  const powers = `--bounding-set=-all,${POWERS.map((name) => `+${name}`).join(",")}`;
  return ["--inh-caps=-all", powers, NSENTER, "--target", leader, ...namespaces, "--"];
}

function enter(
  leader: string,
  command: readonly string[] | undefined,
  term: string | undefined,
): Promise<number> {
  const { words, env } = commandIn(command, term);
  const all = [...shutFrom(3), "setpriv", ...entering(leader), ...words];
  const child = spawn(all[0]!, all.slice(1), { stdio: "inherit", env });
  return new Promise((settle, reject) => {
    child.on("error", reject);
    child.on("close", (code, signal) => settle(exitCodeOf(code, signal)));
  });
}

function killed(child: ChildProcess | undefined): Promise<void> {
  if (child?.pid === undefined || child.exitCode !== null || child.signalCode !== null)
    return Promise.resolve();
  return new Promise((settle) => {
    child.on("close", () => settle());
    child.kill("SIGKILL");
  });
}
