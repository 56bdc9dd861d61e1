/** Builds that end without a word. */
import { spawn } from "node:child_process";
import { join } from "node:path";
import { hasCode } from "@tsbake/base";
import { root } from "./paths.js";
import { plainEnvironment } from "./temporary.js";

/** Starts `tsbake TARGET` in a process group of its own and kills the group; waits for its end. */
export async function killedBuild(
  folder: string,
  target: string,
  afterMs: number,
  environment: Readonly<Record<string, string>> = {},
): Promise<void> {
  const child = spawn("node", [join(root, "scripts/start.js"), target], {
    cwd: folder,
    env: { ...plainEnvironment(), HOME: folder, ...environment },
    detached: true,
    stdio: "ignore",
  });
  const ended = new Promise((resolve) => child.on("close", resolve));
  const timer = setTimeout(() => {
    try {
      process.kill(-child.pid!, "SIGKILL");
    } catch (error) {
      // It ended in this very moment.
      if (!hasCode(error, "ESRCH")) throw error;
    }
  }, afterMs);
  await ended;
  clearTimeout(timer);
}
