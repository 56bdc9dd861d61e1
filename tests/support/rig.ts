/** A project in a temporary folder, and the real `tsbake` on it. */
import { mkdirSync, readFileSync, rmSync, statSync, writeFileSync } from "node:fs";
import { readdir } from "node:fs/promises";
import { dirname, join, relative, resolve } from "node:path";
import { byText, sha256File } from "@tsbake/base";
import type { RunResult } from "@tsbake/base";
import { parseCommand } from "@tsbake/cli";
import { lockBuild, openBuild } from "@tsbake/engine";
import { run } from "./command.js";
import { root } from "./paths.js";
import { runCommand } from "./session.js";
import { plainEnvironment, temporaryFolder } from "./temporary.js";

/** What a run did, from `--ui json`. */
export interface Trace {
  readonly code: number | null;
  readonly output: string;
  /** `PN:do_task` of each body that ran, and of each artifact that was restored, sorted. */
  readonly ran: readonly string[];
  readonly restored: readonly string[];
}

/** A body that reads what none of its needs has left is an error; TSBAKE_E2E_CHECK_READS=1 runs whole builds so. */
export const CHECK_READS = { BB_ENV_PASSTHROUGH_ADDITIONS: "TSBAKE_CHECK_READS", TSBAKE_CHECK_READS: "1" };

export class Rig implements Disposable {
  readonly folder: string;
  /** Beside the plain one, which is asked for each command: tools may have come to PATH. */
  readonly #environment: Record<string, string>;
  readonly #prefix: readonly string[];

  /**
   * @param files path below the project → text
   * @param as run every command as this user, who then owns the project
   */
  constructor(
    files: Readonly<Record<string, string>>,
    options: { as?: string; environment?: Record<string, string> } = {},
  ) {
    this.folder = temporaryFolder("rig");
    const checked = process.env["TSBAKE_E2E_CHECK_READS"] ? CHECK_READS : {};
    this.#environment = { HOME: this.folder, ...checked, ...options.environment };
    this.#prefix = options.as ? ["runuser", "-u", options.as, "--"] : [];
    for (const [path, text] of Object.entries(files)) this.write(path, text);
  }

  path(...parts: string[]): string {
    return join(this.folder, ...parts);
  }

  write(path: string, text: string): void {
    mkdirSync(dirname(this.path(path)), { recursive: true });
    writeFileSync(this.path(path), text);
  }

  read(path: string): string {
    return readFileSync(this.path(path), "utf8");
  }

  /** Runs `tsbake ARGS` in the project folder, or in another. */
  tsbake(
    args: readonly string[],
    options: { cwd?: string; environment?: Record<string, string> } = {},
  ): Promise<RunResult> {
    const command = [...this.#prefix, "node", join(root, "scripts/start.js"), ...args];
    return run(command[0]!, command.slice(1), {
      cwd: options.cwd ?? this.folder,
      env: { ...plainEnvironment(), ...this.#environment, ...options.environment },
    });
  }

  /** Runs with `--ui json` and sorts out what happened. */
  async trace(
    args: readonly string[],
    options: { cwd?: string; environment?: Record<string, string> } = {},
  ): Promise<Trace> {
    return traceOf(await this.tsbake(["--ui", "json", ...args], options));
  }

  /**
   * As {@link tsbake} in this process: the interpreter and our own code are compiled once for all calls, which is most of what
   * a short call costs. What a process is (signals, streams, descriptors, exit) is not in it, and a command line that is wrong
   * is a process all the same.
   */
  async answered(
    args: readonly string[],
    options: { cwd?: string; environment?: Record<string, string> } = {},
  ): Promise<RunResult> {
    if (this.#prefix.length > 0 || parseCommand(args).kind !== "request") return this.tsbake(args, options);
    const engine = { openBuild, lockBuild };
    const { code, out, err } = await runCommand(
      args,
      {},
      {
        ...engine,
        directory: options.cwd ?? this.folder,
        environment: { ...plainEnvironment(), ...this.#environment, ...options.environment },
      },
    );
    return { code, signal: null, stdout: out, stderr: err };
  }

  /** As {@link trace} in this process. */
  async traced(
    args: readonly string[],
    options: { cwd?: string; environment?: Record<string, string> } = {},
  ): Promise<Trace> {
    return traceOf(await this.answered(["--ui", "json", ...args], options));
  }

  /** SHA-256 of every file below a folder of the project, by path, symbolic links left out. */
  async digests(path: string): Promise<Map<string, string>> {
    const folder = this.path(path);
    const names = (await readdir(folder, { recursive: true, withFileTypes: true }))
      .filter((entry) => entry.isFile())
      .map((entry) => relative(folder, join(entry.parentPath, entry.name)))
      .sort(byText);
    const digests = new Map<string, string>();
    for (const name of names) digests.set(name, await sha256File(join(folder, name)));
    return digests;
  }

  sizeBytes(path: string): number {
    return statSync(this.path(path)).size;
  }

  /** Of a file, by its absolute path or that below the project. */
  modifiedMs(path: string): number {
    return statSync(resolve(this.folder, path)).mtimeMs;
  }

  [Symbol.dispose](): void {
    rmSync(this.folder, { recursive: true, force: true, maxRetries: 3 });
  }
}

function traceOf(result: RunResult): Trace {
  const events = result.stdout
    .split("\n")
    .filter((line) => line.startsWith("{"))
    .map((line) => JSON.parse(line) as { type: string; label?: string; reason?: string });
  const labels = (keep: (event: { type: string; reason?: string }) => boolean) =>
    events
      .filter(keep)
      .map((event) => event.label ?? "")
      .sort(byText);
  return {
    code: result.code,
    output: result.stdout + result.stderr,
    ran: labels((event) => event.type === "task-finished"),
    restored: labels((event) => event.type === "task-skipped" && event.reason === "restored"),
  };
}
