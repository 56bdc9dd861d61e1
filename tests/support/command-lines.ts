/** What runs on the machine. */
import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";

/** The command lines of this moment, their words apart by spaces. @see proc_pid_cmdline(5) */
export function commandLines(): string[] {
  return readdirSync("/proc")
    .filter((name) => /^\d+$/.test(name))
    .map((pid) => {
      try {
        return readFileSync(join("/proc", pid, "cmdline"), "latin1")
          .replaceAll("\0", " ")
          .trimEnd();
      } catch {
        return ""; // It has ended meanwhile.
      }
    });
}
