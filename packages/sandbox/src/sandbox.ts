/**
 * A place where commands run as root of their own: namespaces always, and for an ordinary user a fake root that
 * remembers owners, modes and device nodes.
 *
 * One process, the keeper, holds the namespaces open and starts commands in them (`command-server.ts`), so that a hundred commands
 * cost one setup; a command with streams of its own enters them with nsenter. When the keeper's standard input closes (also because
 * we died), the kernel ends all that runs inside.
 *
 * A plain sandbox has the whole file system of the host in sight: it is for task bodies. Whatever handles packages takes
 * a cage instead (`cage.ts`).
 */
import { spawn } from "node:child_process";
import { readFile, rm } from "node:fs/promises";
import { join } from "node:path";
import { demandSuccess, exitCodeOf, run } from "@tsbake/base";
import type { Runner, RunResult } from "@tsbake/base";
import { CommandServer } from "./command-server.js";
import { shut } from "./doors.js";
import { openNamespaces, type Parts, PATH, type SandboxOptions } from "./namespaces.js";
import { saveOwnership } from "./ownership.js";
import { KEEPER } from "./sandbox-scripts.js";

export interface SandboxRunOptions {
  readonly cwd?: string;
  /** Added to a minimal environment (PATH, HOME, LC_ALL, DEBIAN_FRONTEND=noninteractive, SOURCE_DATE_EPOCH if set). */
  readonly env?: Readonly<Record<string, string>>;
  readonly input?: string | Uint8Array | Iterable<Uint8Array>;
  /** Where standard output goes instead of `stdout`: a file descriptor. */
  readonly stdoutFd?: number;
  readonly onOutput?: (text: string, stream: "stdout" | "stderr") => void;
  readonly signal?: AbortSignal;
  /** The caller looks at the exit code himself. Default: another than 0 is an error. */
  readonly mayFail?: boolean;
}

export interface Sandbox extends AsyncDisposable {
  /** Whether owners are only remembered: Node's own lstat then sees neither them nor special modes, `listTree` does. */
  readonly isFake: boolean;
  /** Of a fake root: the native sysroot that it is from, whose other tools may be called by their paths. */
  readonly sysroot?: string | undefined;
  /** Runs a command as (fake) root, without network. @throws as `run` of `base` does */
  readonly run: Runner<SandboxRunOptions>;
  /**
   * Runs a command with this process's own standard streams.
   *
   * @param env all of its environment; default: this process's own, and its current folder
   * @returns its exit code, 128 + n for signal n
   */
  hand(command: string, args: readonly string[], env?: Readonly<Record<string, string>>): Promise<number>;
  /** Saves the ownership and ends every process inside. */
  close(): Promise<void>;
}

/** By its place: a task's PATH has only the tools that tasks may call. */
const NSENTER = "/usr/bin/nsenter";
const ENV = "/usr/bin/env";

/** @throws BuildError `sandbox/no-namespaces`, `sandbox/no-fakeroot` */
export async function openSandbox(options: SandboxOptions = {}): Promise<Sandbox> {
  return new Namespaces(await openNamespaces(options, () => ({ script: KEEPER, args: [] })));
}

export class Namespaces implements Sandbox {
  readonly isFake: boolean;
  readonly sysroot: string | undefined;
  protected readonly parts: Parts;
  readonly #server: CommandServer;
  #closed: Promise<void> | undefined;

  constructor(parts: Parts) {
    this.isFake = parts.isFake;
    this.sysroot = parts.sysroot;
    this.parts = parts;
    this.#server = new CommandServer(parts.keeper);
  }

  readonly run: Runner<SandboxRunOptions> = async (command, args, options?): Promise<RunResult> => {
    const result = await this.enter(this.front, command, args, options);
    return options?.mayFail === true ? result : demandSuccess(command, result);
  };

  /** Words of a program that runs each command. */
  protected get front(): readonly string[] {
    return [];
  }

  /** Whatever its exit code is. @param front words of a program that runs the command */
  protected async enter(
    front: readonly string[],
    command: string,
    args: readonly string[],
    options: SandboxRunOptions = {},
  ): Promise<RunResult> {
    const { cwd = "/", env, ...rest } = options;
    const { SOURCE_DATE_EPOCH: epoch } = process.env;
    const all: Record<string, string> = {
      PATH,
      HOME: "/root",
      LC_ALL: "C.UTF-8",
      TZ: "UTC",
      DEBIAN_FRONTEND: "noninteractive",
      DEBCONF_NONINTERACTIVE_SEEN: "true",
      ...(epoch === undefined ? {} : { SOURCE_DATE_EPOCH: epoch }),
      ...env,
    };
    const isPlain =
      options.input === undefined && options.stdoutFd === undefined && options.signal === undefined;
    // For the command alone: not for what is in front of it.
    const fake = Object.entries(this.parts.fake).map(([name, value]) => `${name}=${value}`);
    const words = [...front, ...(fake.length > 0 ? [ENV, ...fake] : []), command, ...args];
    const served = isPlain
      ? this.#server.run({ cwd, env: all, words, onOutput: options.onOutput })
      : undefined;
    if (served !== undefined) return served;
    const settings = [...Object.entries(all).map(([name, value]) => `${name}=${value}`), ...fake];
    const inside = [...shut(), ...front, ENV, "-i", `--chdir=${cwd}`, ...settings, command, ...args];
    // Ours for perl: what the caller sets for his own (PERL5OPT) is nothing to us.
    return run(NSENTER, [...this.parts.enter, "--", ...inside], {
      ...rest,
      env: { PATH, LC_ALL: "C.UTF-8" },
      mayFail: true,
    });
  }

  hand(command: string, args: readonly string[], env?: Readonly<Record<string, string>>): Promise<number> {
    const settings = Object.entries({ ...env, ...this.parts.fake }).map(
      ([name, value]) => `${name}=${value}`,
    );
    const start = env === undefined ? [`--chdir=${process.cwd()}`] : ["-i", "--chdir=/"];
    const inside = [...shut(), ...this.front, ENV, ...start, ...settings, command, ...args];
    const child = spawn(NSENTER, [...this.parts.enter, "--", ...inside], {
      stdio: "inherit",
      ...(env !== undefined && { env: { PATH, LC_ALL: "C.UTF-8" } }),
    });
    return new Promise((resolve, reject) => {
      child.on("error", reject);
      child.on("close", (code, signal) => resolve(exitCodeOf(code, signal)));
    });
  }

  close(): Promise<void> {
    this.#closed ??= this.#end();
    return this.#closed;
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.close();
  }

  async #end(): Promise<void> {
    const { keeper, scratch, ownership } = this.parts;
    const ended = new Promise<void>((resolve) => {
      if (keeper.exitCode !== null || keeper.signalCode !== null) resolve();
      else keeper.on("close", () => resolve());
    });
    keeper.stdin?.end();
    await ended;
    try {
      if (ownership) await saveOwnership(ownership, await readFile(join(scratch, "save"), "utf8"));
    } finally {
      await rm(scratch, { recursive: true, force: true });
    }
  }
}
