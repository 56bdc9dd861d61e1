/** Process groups of bodies: each is the session of one body. */
import { readdirSync, readFileSync } from "node:fs";

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

/** Those that have ended already and wait for their parent are not counted. */
function namesIn(group: number): string[] {
  const names: string[] = [];
  for (const pid of readdirSync("/proc")) {
    if (!/^\d+$/.test(pid)) continue;
    let stat: string;
    try {
      stat = readFileSync(`/proc/${pid}/stat`, "utf8");
    } catch {
      // It has just ended.
      continue;
    }
    // `pid (name) state parent group …`; the name may have anything in it.
    const end = stat.lastIndexOf(")");
    const [state, , itsGroup] = stat.slice(end + 2).split(" ");
    if (Number(itsGroup) === group && state !== "Z" && state !== "X")
      names.push(stat.slice(stat.indexOf("(") + 1, end));
  }
  return names.sort();
}

export function signalGroup(group: number, signal: NodeJS.Signals): void {
  try {
    process.kill(-group, signal);
  } catch {
    // Gone already.
  }
}
