/**
 * A system that systemd-nspawn boots from a tree, for commands in it. It is in namespaces of its own, and is gone with their first
 * process, whoever is killed; so is what systemd-nspawn keeps below /run.
 *
 * @see systemd-nspawn(1), nsenter(1)
 */
import { type ChildProcess, spawn } from "node:child_process";
import { readFile } from "node:fs/promises";
import type { Readable } from "node:stream";
import { setTimeout as wait } from "node:timers/promises";
import { BuildError, exitCodeOf, lastLines, run, undefinedOn } from "@tsbake/base";
import { findProgram, shutFrom } from "@tsbake/sandbox";
import * as problems from "../problems.js";
import { commandIn } from "./command.js";

export interface SystemOptions {
  /** Shell text that has the tree's path in `root` and shifts its words away; in a mount namespace that is the system's alone. */
  readonly script: string;
  readonly words: readonly string[];
  /** More words of systemd-nspawn. */
  readonly nspawn?: readonly string[];
  /** An open file that stays open as long as the system is there. */
  readonly lockFd?: number;
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

/** A system whose tree stays. */
export interface BootedSystem extends Booted {
  /** Shuts it down, so that nothing is lost that its services have not written yet; at once after half a minute. */
  shutDown(): Promise<void>;
}

const PATH = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin";
/** Of Debian; a booted system has its own. */
const NSENTER = "/usr/bin/nsenter";
/** Until multi-user.target is reached, or something has failed. */
const LONGEST_BOOT_MS = 180_000;
const LONGEST_SHUTDOWN_MS = 30_000;
const LOOK_AGAIN_MS = 100;
const MOST_SAID_BYTES = 65_536;
const SHOWN_LINES = 15;

/** Around {@link SystemOptions.script}; what is left of the words is systemd-nspawn's. */
const boots = (script: string): string => `
set -eu
${script}
mount -t tmpfs -o mode=755 tmpfs /run
exec systemd-nspawn "--directory=$root" "$@"
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

/** @throws BuildError `image/cannot-boot` where this user or machine boots nothing */
export function refuseBoot(): void {
  if (process.getuid?.() !== 0) throw new BuildError([problems.cannotBoot("root")]);
  if (findProgram("systemd-nspawn") === undefined)
    throw new BuildError([problems.cannotBoot("systemd-nspawn")]);
}

/**
 * Boots until the system says that it is up, degraded or not.
 *
 * @throws BuildError `image/cannot-boot`, `image/not-booted`
 */
export async function bootSystem(options: SystemOptions): Promise<BootedSystem> {
  refuseBoot();
  const started = start(options);
  const close = () => killed(started.child);
  try {
    const leader = await booted(started, options.signal);
    return {
      run: (command, term) => enter(leader, command, term),
      async shutDown() {
        await run("setpriv", [...entering(leader), "systemctl", "poweroff"], {
          mayFail: true,
          env: { PATH },
        });
        const late = Date.now() + LONGEST_SHUTDOWN_MS;
        while (!started.hasEnded() && Date.now() < late) await wait(LOOK_AGAIN_MS);
        await close();
      },
      close,
      [Symbol.asyncDispose]: close,
    };
  } catch (error) {
    await close();
    throw error;
  }
}

interface Started {
  readonly child: ChildProcess;
  /** The last that it said. */
  readonly said: () => string;
  readonly hasEnded: () => boolean;
}

function start({ script, words, nspawn: more = [], lockFd }: SystemOptions): Started {
  const nspawn = [...NSPAWN, `--machine=tsbake-${process.pid}`, ...more];
  // The system outlives a systemd-nspawn that is killed; nothing outlives the first process of a namespace.
  const ended = ["--pid", "--fork", "--kill-child", "--mount-proc"];
  const front = ["--pdeathsig", "KILL", "unshare", "--mount", "--propagation", "private", ...ended];
  const child = spawn("setpriv", [...front, "sh", "-c", boots(script), "boot", ...words, ...nspawn], {
    stdio: ["ignore", "pipe", "pipe", ...(lockFd === undefined ? [] : [lockFd])],
    env: { PATH, LC_ALL: "C.UTF-8" },
  });
  let said = "";
  let hasEnded = false;
  // Typed as null for a list of streams that is not made of words alone.
  for (const stream of [child.stdout, child.stderr] as (Readable | null)[])
    stream?.on("data", (piece: Buffer) => (said = (said + piece.toString()).slice(-MOST_SAID_BYTES)));
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
