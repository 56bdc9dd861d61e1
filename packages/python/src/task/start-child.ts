/** The plain way to start a task's process: a group of its own, output into one file, ended by a signal. */
import { spawn, type ChildProcess } from "node:child_process";
import { createInterface } from "node:readline";
import type { PythonTaskOptions } from "./task-options.js";
import { exitCodeOf } from "@tsbake/base";

/** Time for a child to end after SIGTERM. */
const GRACE_MS = 5000;

/** @returns a function to use as `PythonTaskOptions.start`; its promise rejects when the program cannot be started */
export function startChild(options: PythonTaskOptions): NonNullable<PythonTaskOptions["start"]> {
  const { cwd, logFd, onOutput, signal } = options;
  return (command, args, { environment }) =>
    new Promise((resolve, reject) => {
      const output = onOutput ? "pipe" : (logFd ?? "ignore");
      const stdio = ["ignore", output, output] as const;
      const child = spawn(command, args, { cwd, env: environment, stdio: [...stdio], detached: true });
      const stop = (): void => terminate(child);
      if (signal?.aborted) stop();
      signal?.addEventListener("abort", stop, { once: true });
      if (onOutput) {
        for (const stream of [child.stdout!, child.stderr!]) createInterface(stream).on("line", onOutput);
      }
      child.on("error", reject);
      // `close` comes when the output has been read, and not while a child of the child holds it.
      child.on(onOutput ? "close" : "exit", (code: number | null, ended: NodeJS.Signals | null) => {
        signal?.removeEventListener("abort", stop);
        resolve({ code: exitCodeOf(code, ended) });
      });
    });
}

function terminate(child: ChildProcess): void {
  kill(child, "SIGTERM");
  const timer = setTimeout(() => kill(child, "SIGKILL"), GRACE_MS);
  child.on("exit", () => clearTimeout(timer));
}

/** Signals the whole process group; one that has ended is no error. */
function kill(child: ChildProcess, signal: NodeJS.Signals): void {
  if (child.pid === undefined || child.exitCode !== null || child.signalCode !== null) return;
  try {
    process.kill(-child.pid, signal);
  } catch {
    child.kill(signal);
  }
}
