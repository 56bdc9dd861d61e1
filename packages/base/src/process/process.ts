/**
 * Commands that are awaited, listened to from their start, with their output kept or handed on. Whoever starts a program in another
 * way (`child.ts`; `tests/unit/architecture` has the list of all others) does all of this by himself.
 */
import type { ChildProcess, StdioOptions } from "node:child_process";
import { constants } from "node:os";
import type { Writable } from "node:stream";
import { BuildError } from "../diagnostics/diagnostic.js";
import { hasCode } from "../diagnostics/errno.js";
import { commandFailed, type RunResult } from "../problems.js";
import { start } from "./start.js";

/** How a command is run. */
export interface ProcessOptions {
  readonly cwd?: string;
  /** The whole environment of the child; default: this process's own. */
  readonly env?: Readonly<Record<string, string>>;
  /**
   * For the child's standard input: text, bytes, or pieces, of which the next is asked for when the child's pipe has taken the one
   * before; default: nothing (/dev/null).
   */
  readonly input?: string | Uint8Array | Iterable<Uint8Array>;
  /** Called with each piece of standard output and error as it comes. */
  readonly onOutput?: (text: string, stream: "stdout" | "stderr") => void;
  /** Where standard output goes instead of `stdout`: a file descriptor. */
  readonly stdoutFd?: number;
  /** Ends the command with all of its process group. */
  readonly signal?: AbortSignal;
  /** The caller looks at the exit code himself. Default: another than 0 is an error. */
  readonly mayFail?: boolean;
}

/** What a command said that ended well. */
export type RunOutput = Pick<RunResult, "stdout" | "stderr">;

/** `run`, or one that runs commands elsewhere. */
export interface Runner<Options extends { readonly mayFail?: boolean } = ProcessOptions> {
  (
    command: string,
    args: readonly string[],
    options: Options & { readonly mayFail: true },
  ): Promise<RunResult>;
  (command: string, args: readonly string[], options?: Options): Promise<RunOutput>;
}

/** How long pipes may be silent after the end of the command: what it left behind may hold them for ever. */
const PIPE_GRACE_MS = 1000;
/** And how long they may go on. */
const MOST_GRACES = 10;
/** Between SIGTERM and SIGKILL for a command that is stopped. */
const STOP_GRACE_MS = 2000;

/**
 * Runs `command` with `args`, no shell in between, and waits for its end: its own, not that of what it left in the
 * background. Stopped by `signal`, it is waited for too, so that nobody cleans up beneath a process that lives.
 *
 * @throws BuildError `base/command-failed` for any other end than exit code 0, unless `mayFail`; `base/too-long`; system
 *   errors of starting it (ENOENT: no such program); the reason of `signal`; what makes its input throws
 */
export const run: Runner = async (command, args, options?: ProcessOptions): Promise<RunResult> => {
  const result = await outcome(command, args, options ?? {});
  return options?.mayFail === true ? result : demandSuccess(command, result);
};

/** As a shell has it: the exit code, or 128 and the number of the signal. */
export function exitCodeOf(code: number | null, signal: NodeJS.Signals | null): number {
  return code ?? 128 + constants.signals[signal ?? "SIGKILL"];
}

/** @throws BuildError `base/command-failed` unless it ended with exit code 0 */
export function demandSuccess(command: string, result: RunResult): RunResult {
  if (result.code !== 0) throw new BuildError([commandFailed(command, result)]);
  return result;
}

function outcome(command: string, args: readonly string[], options: ProcessOptions): Promise<RunResult> {
  const { signal } = options;
  if (signal?.aborted) return Promise.reject(stopped(signal));
  return new Promise((resolve, reject) => {
    const stdio: StdioOptions = [
      options.input === undefined ? "ignore" : "pipe",
      options.stdoutFd ?? "pipe",
      "pipe",
    ];
    const child = start(command, args, options, stdio);
    const stop = (): void => endWithGroup(child);
    signal?.addEventListener("abort", stop, { once: true });
    const out: Buffer[] = [];
    const err: Buffer[] = [];
    let failure: { readonly error: unknown } | undefined;
    child.stdout?.on("data", (piece: Buffer) => {
      out.push(piece);
      options.onOutput?.(piece.toString(), "stdout");
    });
    child.stderr?.on("data", (piece: Buffer) => {
      err.push(piece);
      options.onOutput?.(piece.toString(), "stderr");
    });
    child.on("error", (error) => {
      // A signal that could not be sent is no end.
      if (child.pid === undefined) reject(error);
    });
    child.on("exit", () => endPipes(child));
    child.on("close", (code, by) => {
      signal?.removeEventListener("abort", stop);
      if (signal?.aborted) {
        signalTo(child, "SIGKILL");
        reject(stopped(signal));
      } else if (failure) reject(failure.error);
      else
        resolve({
          code,
          signal: by,
          stdout: Buffer.concat(out).toString(),
          stderr: Buffer.concat(err).toString(),
        });
    });
    if (child.stdin) {
      // A child that ends before it has read everything is no error of ours.
      child.stdin.on("error", () => {});
      const { input } = options;
      if (typeof input === "string" || input instanceof Uint8Array) child.stdin.end(input);
      else if (input) {
        // One that failed has no end, and a child that waited for more would take what it got for all.
        feed(child.stdin, input).catch((error: unknown) => {
          failure = { error };
          child.kill("SIGKILL");
        });
      }
    }
  });
}

/** Writes piece by piece, until whoever reads has closed his side. @throws what makes the pieces throws */
async function feed(stdin: Writable, pieces: Iterable<Uint8Array>): Promise<void> {
  for (const piece of pieces) {
    const failure = await new Promise((resolve) => stdin.write(piece, resolve));
    if (failure) return;
  }
  stdin.end();
}

/** As node:child_process has it. */
function stopped(signal: AbortSignal): Error {
  return Object.assign(new Error("the command was stopped", { cause: signal.reason }), {
    name: "AbortError",
    code: "ABORT_ERR",
  });
}

/** SIGTERM to a command that was started with `signal`, and to all that it has started; SIGKILL after the grace. */
function endWithGroup(child: ChildProcess): void {
  signalTo(child, "SIGTERM");
  const timer = setTimeout(() => signalTo(child, "SIGKILL"), STOP_GRACE_MS);
  child.on("close", () => clearTimeout(timer));
}

function signalTo(child: ChildProcess, signal: NodeJS.Signals): void {
  if (child.pid === undefined) return;
  try {
    process.kill(-child.pid, signal);
  } catch (error) {
    // Gone already.
    if (!hasCode(error, "ESRCH")) throw error;
  }
}

/** Lets go of the pipes of a process that has ended, when nothing more comes. */
function endPipes(child: ChildProcess): void {
  let isSilent = false;
  let graces = 0;
  const onData = (): void => void (isSilent = false);
  for (const stream of [child.stdout, child.stderr]) stream?.on("data", onData);
  const timer = setInterval(() => {
    if (isSilent || ++graces > MOST_GRACES) for (const stream of child.stdio) stream?.destroy();
    isSilent = true;
  }, PIPE_GRACE_MS / 2);
  child.on("close", () => clearInterval(timer));
}
