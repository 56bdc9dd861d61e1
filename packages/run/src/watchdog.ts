/**
 * Kills the tasks of an engine that died without a word (SIGKILL, out of memory): nothing may go on writing into a build
 * folder that nobody holds.
 *
 * A shell of its own session reads from a pipe which process groups run. The end of the pipe is the end of the engine,
 * however it came.
 */
import { spawn } from "node:child_process";
import type { Socket } from "node:net";

const script = `
groups=" "
while read -r what group; do
    case $what in
    +) groups="$groups$group " ;;
    -) groups="\${groups%% $group *} \${groups#* $group }" ;;
    esac
done
for group in $groups; do kill -s KILL -- "-$group" 2>/dev/null; done
`;

export interface Watchdog {
  started(group: number): void;
  ended(group: number): void;
  close(): void;
}

export function startWatchdog(): Watchdog {
  const child = spawn("/bin/sh", ["-c", script], {
    detached: true,
    stdio: ["pipe", "ignore", "ignore"],
    env: {},
  });
  // It must not keep this process alive, nor fail the build when it cannot be started.
  child.unref();
  child.on("error", () => {});
  const pipe = child.stdin as Socket;
  pipe.on("error", () => {});
  pipe.unref();
  return {
    started: (group) => void pipe.write(`+ ${group}\n`),
    ended: (group) => void pipe.write(`- ${group}\n`),
    close: () => void pipe.end(),
  };
}
