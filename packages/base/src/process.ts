/** Child processes, awaited, with their output kept or handed on. */
import { spawn } from "node:child_process";
import type { ChildProcess, StdioOptions } from "node:child_process";
import { readFileSync } from "node:fs";
import { BuildError } from "./diagnostic.js";
import type { Diagnostic } from "./diagnostic.js";
import { hasCode } from "./errno.js";
import { tooLong } from "./problems.js";
import type { LongStart } from "./problems.js";

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

/** How long pipes may be silent after the end of the command: what it left behind may hold them for ever. */
const PIPE_GRACE_MS = 1000;
/** And how long they may go on. */
const MOST_GRACES = 10;

/**
 * Runs `command` with `args`, no shell in between, and waits for its end: its own, not that of what it left in the
 * background.
 *
 * @throws system errors of starting it (ENOENT: no such program), BuildError `base/too-long`; never for a non-zero exit
 */
export function run(command: string, args: readonly string[], options: RunOptions = {}): Promise<RunResult> {
  return new Promise((resolve, reject) => {
    const stdio: StdioOptions = [
      options.input === undefined ? "ignore" : "pipe",
      options.stdoutFd ?? "pipe",
      "pipe",
    ];
    const child = start(command, args, options, stdio);
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
    child.on("exit", () => endPipes(child));
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

/** Node throws E2BIG at once: nothing has been started. */
function start(command: string, args: readonly string[], options: RunOptions, stdio: StdioOptions) {
  const { cwd, env, signal } = options;
  try {
    return spawn(command, args, { cwd, env: env ?? process.env, stdio, signal });
  } catch (error) {
    const problem = longStart(error, { command, args, environment: env ?? process.env });
    throw problem ? new BuildError([problem], { cause: error }) : error;
  }
}

/** What the kernel takes for one argument or variable: 32 pages. */
const LONGEST = 32 * 4096;

/**
 * What E2BIG means: the kernel's limit, and what is beyond it. Undefined for any other error.
 *
 * @param who whose process it is, for the message
 */
export function longStart(
  error: unknown,
  { command, args, environment }: Start,
  who?: string,
): Diagnostic | undefined {
  if (!hasCode(error, "E2BIG")) return undefined;
  const words: LongStart["longest"][] = [
    ...Object.entries(environment).map(([name, value]) => ({ name, bytes: bytesOf(`${name}=${value}`) })),
    ...args.map((text) => ({ bytes: bytesOf(text), begins: text.slice(0, 40) })),
  ];
  const longest = words.reduce((one, other) => (other.bytes > one.bytes ? other : one));
  const bytes = words.reduce((sum, one) => sum + one.bytes + 8, 0);
  const isOne = longest.bytes > LONGEST;
  return tooLong({ command, longest, bytes, limit: isOne ? LONGEST : totalLimit(), isOne }, who);
}

interface Start {
  readonly command: string;
  readonly args: readonly string[];
  readonly environment: Readonly<Record<string, string | undefined>>;
}

/** With the NUL at its end. */
function bytesOf(text: string): number {
  return Buffer.byteLength(text) + 1;
}

/** For arguments and environment together: a quarter of the stack, at most 6 MiB (execve(2)). */
function totalLimit(): number {
  const stack = /^Max stack size\s+(\d+)/m.exec(readFileSync("/proc/self/limits", "utf8"))?.[1];
  return Math.min(stack === undefined ? Infinity : Number(stack) / 4, 6 * 1024 * 1024);
}

/** `items` in groups whose words together stay well below what the kernel takes for one command. */
export function batches<T>(items: readonly T[], wordsOf: (item: T) => readonly string[]): T[][] {
  const groups: T[][] = [];
  let room = 0;
  for (const item of items) {
    const bytes = wordsOf(item).reduce((sum, word) => sum + bytesOf(word) + 8, 0);
    if (bytes > room || groups.length === 0) {
      groups.push([]);
      room = 4 * LONGEST;
    }
    groups.at(-1)!.push(item);
    room -= bytes;
  }
  return groups;
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

/** The last lines of what a program said, for a message. */
export function lastLines(text: string, lines: number): string {
  return text.trim().split("\n").slice(-lines).join("\n");
}
