/**
 * The program of the launcher, see launcher.ts. It ends with the engine, however that ended, and kills what still runs.
 * Small on purpose: what it imports, every start of a body would copy.
 */
import { spawn } from "node:child_process";
import { closeSync, constants, openSync } from "node:fs";
import type { Readable } from "node:stream";
import type { FromLauncher, ToLauncher } from "./launcher-messages.js";
import { endGroup, endOrphans, pipeGraceMs, signalGroup } from "./process-group.js";

/** Of bodies, and those that are only guarded. */
const started = new Set<number>();
const guarded = new Set<number>();

function tell(message: FromLauncher): void {
  // The engine may be gone: then "disconnect" is next.
  if (process.connected) process.send!(message, undefined, undefined, () => {});
}

function start({ id, command, args, cwd, environment, log }: ToLauncher & { type: "start" }): void {
  const fail = (error: NodeJS.ErrnoException) =>
    tell({ type: "failed", id, code: error.code ?? "UNKNOWN", message: error.message });
  let logFd: number | undefined;
  try {
    logFd = openSync(log, constants.O_WRONLY | constants.O_APPEND);
    const child = spawn(command, args, {
      cwd,
      env: environment,
      stdio: ["ignore", logFd, logFd, "pipe"],
      detached: true,
    });
    const group = child.pid;
    child.on("error", fail);
    if (group === undefined) return;
    started.add(group);
    tell({ type: "started", id, group });
    const messages = child.stdio[3] as Readable;
    messages.setEncoding("utf8");
    messages.on("error", () => {});
    messages.on("data", (text: string) => tell({ type: "said", id, text }));
    let timer: NodeJS.Timeout | undefined;
    let left: readonly string[] = [];
    child.on("exit", () => {
      // What the body left in the background would write into folders that are being packed.
      started.delete(group);
      left = [...endGroup(group), ...endOrphans(started, group)].sort();
      timer = setTimeout(() => messages.destroy(), pipeGraceMs);
    });
    child.on("close", (code, signal) => {
      clearTimeout(timer);
      tell({ type: "ended", id, code, signal, left });
    });
  } catch (error) {
    fail(error as NodeJS.ErrnoException);
  } finally {
    if (logFd !== undefined) closeSync(logFd);
  }
}

process.on("message", (message: ToLauncher) => {
  if (message.type === "start") start(message);
  else if (message.type === "signal") for (const group of started) signalGroup(group, message.signal);
  else if (message.type === "guard") guarded.add(message.group);
  else guarded.delete(message.group);
});

process.on("disconnect", () => {
  for (const group of [...started, ...guarded]) signalGroup(group, "SIGKILL");
  started.clear();
  endOrphans(started);
  process.exit(0);
});
