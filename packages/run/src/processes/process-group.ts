/** Process groups of bodies: each is the session of one body. And what bodies leave in sessions of its own. */
import { readdirSync, readFileSync, readlinkSync } from "node:fs";

/** How long, in ms, pipes may stay open after the end of the process: a daemon that it left may hold them. */
export const pipeGraceMs = 1000;

/**
 * Ends what is left of a group whose leader has gone.
 *
 * @returns the names of the processes; almost always there are none, which one call to the kernel tells
 */
export function endGroup(group: number): string[] {
  try {
    process.kill(-group, 0);
  } catch {
    return [];
  }
  const names = namesIn(group);
  signalGroup(group, "SIGKILL");
  return names;
}

function namesIn(group: number): string[] {
  return readdirSync("/proc")
    .filter((name) => /^\d+$/.test(name))
    .flatMap((pid) => living(pid) ?? [])
    .filter((one) => one.group === group)
    .map(({ name }) => name)
    .sort();
}

interface Living {
  readonly pid: number;
  readonly name: string;
  readonly group: number;
}

/** Undefined for one that has ended, also when it waits for its parent. */
function living(pid: string): Living | undefined {
  const stat = readProc(`${pid}/stat`);
  if (stat === undefined) return undefined;
  // `pid (name) state parent group …`; the name may have anything in it.
  const end = stat.lastIndexOf(")");
  const [state, , group] = stat.slice(end + 2).split(" ");
  if (state === "Z" || state === "X") return undefined;
  return { pid: Number(pid), name: stat.slice(stat.indexOf("(") + 1, end), group: Number(group) };
}

/** So often, every 2 ms, what was ended is looked at again: its children are ours then. */
const MOST_ROUNDS = 100;
const ROUND_MS = 2;

/**
 * Ends the children of this process that it has not started: what bodies have left in sessions of its own, and what that has
 * started. Those stay that may belong to a body that still runs: they are in its network namespace.
 *
 * @param running pids of bodies, children of this process
 * @param ended a group that is told of already
 * @returns the names of what was ended
 */
export function endOrphans(running: ReadonlySet<number>, ended?: number): string[] {
  const names = new Map<number, string>();
  const kept = new Set([...running].map(networkOf));
  for (let round = 0; round < MOST_ROUNDS; round++) {
    const orphans = childrenOf(process.pid).filter(
      ({ pid }) => !running.has(pid) && !(kept.size > 0 && kept.has(networkOf(pid))),
    );
    if (orphans.length === 0) break;
    for (const { pid, name, group } of orphans) {
      if (group !== ended) names.set(pid, name);
      try {
        process.kill(pid, "SIGKILL");
      } catch {
        // Gone already.
      }
    }
    // Nothing may start meanwhile: it would be taken for an orphan.
    Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, ROUND_MS);
  }
  return [...names.values()];
}

/** None where the kernel does not tell. */
function childrenOf(pid: number): Living[] {
  const text = readProc(`${pid}/task/${pid}/children`) ?? "";
  return text
    .split(" ")
    .filter((word) => word !== "")
    .flatMap((child) => living(child) ?? []);
}

function networkOf(pid: number): string | undefined {
  try {
    return readlinkSync(`/proc/${pid}/ns/net`);
  } catch {
    return undefined;
  }
}

/** Undefined when the process has ended. */
function readProc(path: string): string | undefined {
  try {
    return readFileSync(`/proc/${path}`, "utf8");
  } catch {
    return undefined;
  }
}

/** Signals all processes of a group; one that has ended meanwhile is fine. */
export function signalGroup(group: number, signal: NodeJS.Signals): void {
  try {
    process.kill(-group, signal);
  } catch {
    // Gone already.
  }
}
