/** Child processes, awaited, with their output kept or handed on. */
import { spawn } from "node:child_process";
import type { StdioOptions } from "node:child_process";

export interface RunOptions {
  readonly cwd?: string;
  /** The whole environment of the child; default: this process's own. */
  readonly env?: Readonly<Record<string, string>>;
  /** Text or bytes for the child's standard input; default: nothing (/dev/null). */
  readonly input?: string | Uint8Array;
  /** Called with each piece of standard output and error as it comes. */
  readonly onOutput?: (text: string, stream: "stdout" | "stderr") => void;
  /** Where standard output goes instead of `stdout`: a file descriptor. */
  readonly stdoutFd?: number;
  readonly signal?: AbortSignal;
}

export interface RunResult {
  /** Exit code; null when a signal ended it. */
  readonly code: number | null;
  readonly signal: NodeJS.Signals | null;
  readonly stdout: string;
  readonly stderr: string;
}

/**
 * Runs `command` with `args`, no shell in between, and waits for its end.
 *
 * @throws system errors of starting it (ENOENT: no such program); never for a non-zero exit
 */
export function run(command: string, args: readonly string[], options: RunOptions = {}): Promise<RunResult> {
  return new Promise((resolve, reject) => {
    const stdio: StdioOptions = [
      options.input === undefined ? "ignore" : "pipe",
      options.stdoutFd ?? "pipe",
      "pipe",
    ];
    const child = spawn(command, args, {
      cwd: options.cwd,
      env: options.env ?? process.env,
      stdio,
      signal: options.signal,
    });
    const out: Buffer[] = [];
    const err: Buffer[] = [];
    child.stdout?.on("data", (piece: Buffer) => {
      out.push(piece);
      options.onOutput?.(piece.toString(), "stdout");
    });
    child.stderr?.on("data", (piece: Buffer) => {
      err.push(piece);
      options.onOutput?.(piece.toString(), "stderr");
    });
    child.on("error", reject);
    child.on("close", (code, signal) => {
      resolve({ code, signal, stdout: Buffer.concat(out).toString(), stderr: Buffer.concat(err).toString() });
    });
    if (child.stdin) {
      // A child that ends before it has read everything is no error of ours.
      child.stdin.on("error", () => {});
      child.stdin.end(options.input);
    }
  });
}

/** The last lines of what a program said, for a message. */
export function lastLines(text: string, lines: number): string {
  return text.trim().split("\n").slice(-lines).join("\n");
}
