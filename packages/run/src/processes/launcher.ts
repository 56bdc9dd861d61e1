/**
 * A small process that starts the bodies. Starting a process copies the page tables of the one that starts it, while that
 * stands still: 20 ms for an engine with ten thousand recipes in memory, less than one for this.
 *
 * It also kills the bodies of an engine that died without a word (SIGKILL, out of memory): nothing may go on writing into a
 * build folder that nobody holds. It has a session of its own, so whatever is sent to the engine's group spares it.
 */
import { spawn } from "node:child_process";
import type { ChildProcess } from "node:child_process";
import { fileURLToPath } from "node:url";
import { BuildError, exitCodeOf } from "@tsbake/base";
import { shutFrom } from "@tsbake/sandbox";
import type { FromLauncher, ToLauncher } from "./launcher-messages.js";
import type { ProcessEnd } from "../options.js";
import { launcherLost } from "../problems.js";
import { signalGroup } from "./process-group.js";

const PROGRAM = fileURLToPath(new URL("launcher-process.js", import.meta.url));

export interface Launch {
  readonly command: string;
  readonly args: readonly string[];
  readonly cwd: string;
  readonly environment: Readonly<Record<string, string>>;
  /** Open for appending. */
  readonly logFd: number;
}

interface Pending {
  readonly resolve: (end: ProcessEnd) => void;
  readonly reject: (error: unknown) => void;
  readonly onText: (text: string) => void;
  group?: number;
}

export class Launcher {
  readonly #process: ChildProcess;
  readonly #pending = new Map<number, Pending>();
  #last = 0;

  constructor() {
    // 3 is the channel to us.
    const [command, ...args] = [...shutFrom(4), process.execPath, PROGRAM];
    this.#process = spawn(command!, args, {
      detached: true,
      stdio: ["ignore", "ignore", "ignore", "ipc"],
      env: {},
    });
    this.#process.on("message", (message: FromLauncher) => this.#hear(message));
    this.#process.on("error", () => this.#lost());
    this.#process.on("exit", () => this.#lost());
    // Only bodies keep the engine alive.
    this.#process.unref();
    this.#process.channel?.unref();
  }

  /**
   * @param onText told of what comes on descriptor 3
   * @throws system errors of starting it (ENOENT: no such program); BuildError `run/launcher-lost`
   */
  start(
    { command, args, cwd, environment, logFd }: Launch,
    onText: (text: string) => void,
  ): Promise<ProcessEnd> {
    return new Promise((resolve, reject) => {
      const id = ++this.#last;
      if (this.#pending.size === 0) this.#process.channel?.ref();
      this.#pending.set(id, { resolve, reject, onText });
      const log = `/proc/${process.pid}/fd/${logFd}`;
      this.#tell({ type: "start", id, command, args, cwd, environment, log });
      if (!this.#process.connected) this.#lost();
    });
  }

  /** A process group that somebody else has started is killed too when the engine is gone. */
  guard(group: number): void {
    this.#tell({ type: "guard", group });
  }

  release(group: number): void {
    this.#tell({ type: "release", group });
  }

  /** To all that were started here. */
  signal(signal: NodeJS.Signals): void {
    this.#tell({ type: "signal", signal });
  }

  /** When nothing runs any more. */
  close(): void {
    if (this.#process.connected) this.#process.disconnect();
  }

  #tell(message: ToLauncher): void {
    if (this.#process.connected) this.#process.send(message, () => {});
  }

  #hear(message: FromLauncher): void {
    const body = this.#pending.get(message.id);
    if (!body) return;
    if (message.type === "started") body.group = message.group;
    else if (message.type === "said") body.onText(message.text);
    else {
      this.#pending.delete(message.id);
      if (this.#pending.size === 0) this.#process.channel?.unref();
      if (message.type === "failed") {
        body.reject(Object.assign(new Error(message.message), { code: message.code }));
      } else {
        const code = exitCodeOf(message.code, message.signal);
        body.resolve({ code, left: message.left });
      }
    }
  }

  /** Somebody killed it, or the system for want of memory: nobody would tell us how the bodies end. */
  #lost(): void {
    for (const { group, reject } of this.#pending.values()) {
      if (group !== undefined) signalGroup(group, "SIGKILL");
      reject(new BuildError([launcherLost()]));
    }
    this.#pending.clear();
  }
}
