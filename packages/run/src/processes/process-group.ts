/** Process groups of bodies: each is the session of one body. */

/** How long, in ms, pipes may stay open after the end of the process: a daemon that it left may hold them. */
export const pipeGraceMs = 1000;

export function signalGroup(group: number, signal: NodeJS.Signals): void {
  try {
    process.kill(-group, signal);
  } catch {
    // Gone already.
  }
}
