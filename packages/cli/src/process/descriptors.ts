/** Files that the caller has left open: closed at the start, or every child of ours would have them too. */
import { closeSync, readdirSync, readFileSync } from "node:fs";

/** O_CLOEXEC as /proc shows it: ours are opened with it, and children do not get them. */
const CLOSE_ON_EXEC = 0o2000000;

/**
 * Closes what was open before this program began, above standard error: `exec 200<folder; flock 200` of a CI step, say. A
 * body or a maintainer script would reach the host through it.
 *
 * @param words of the command line; what they name (`-R /dev/fd/63`, which is `<(…)` of a shell) was given to us
 */
export function closeInherited(words: readonly string[]): void {
  const given = new Set(
    words.flatMap((word) => [...word.matchAll(/\/fd\/(\d+)/g)].map(([, fd]) => Number(fd))),
  );
  const channel: unknown = (process.channel as { fd?: unknown } | undefined)?.fd;
  for (const fd of readdirSync("/proc/self/fd").map(Number)) {
    if (fd <= 2 || fd === channel || given.has(fd)) continue;
    try {
      const flags = /^flags:\s*(\d+)/m.exec(readFileSync(`/proc/self/fdinfo/${fd}`, "latin1"))?.[1];
      if (flags !== undefined && (parseInt(flags, 8) & CLOSE_ON_EXEC) === 0) closeSync(fd);
    } catch (error) {
      // The one that the list was read from.
      const code = (error as NodeJS.ErrnoException).code;
      if (code !== "ENOENT" && code !== "EBADF") throw error;
    }
  }
}
