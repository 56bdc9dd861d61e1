/** Programs whose streams the caller reads and writes. */
import { PassThrough, type Readable, type Writable } from "node:stream";
import { messageOf } from "../diagnostics/errno.js";
import { start } from "./start.js";

/** Where the streams of a child lead. */
export interface ChildOptions {
  readonly env?: Readonly<Record<string, string>>;
  /** Default: `ignore`. */
  readonly stdin?: "pipe" | "ignore";
  /** A number: a file descriptor. Default: `ignore`. */
  readonly stdout?: "pipe" | "ignore" | number;
}

/** How a child ended. */
export interface ChildEnd {
  /** Null when a signal ended it, or when it could not be started. */
  readonly code: number | null;
  readonly signal: NodeJS.Signals | null;
  /** The end of its standard error, trimmed. */
  readonly said: string;
  /** Why it could not be started. */
  readonly failure?: unknown;
}

/** A program whose streams the caller reads and writes; leaving the block ends it and waits for its end. */
export interface Child extends AsyncDisposable {
  /** Empty where stdin is no pipe or the program could not be started. Errors are listened to. */
  readonly stdin: Writable;
  /** The same. */
  readonly stdout: Readable;
  /** Never rejects: whoever looks at it late misses nothing. */
  readonly ended: Promise<ChildEnd>;
  kill(): void;
}

/** Of what a child says on standard error, so much is kept: its end. */
const SAID_CHARACTERS = 4000;

/** @throws BuildError `base/too-long`; all else, also that there is no such program, is in `ended` */
export function openChild(command: string, args: readonly string[], options: ChildOptions = {}): Child {
  const { env, stdin = "ignore", stdout = "ignore" } = options;
  const child = start(command, args, { ...(env && { env }) }, [stdin, stdout, "pipe"]);
  let said = "";
  child.stderr?.setEncoding("utf8").on("data", (text: string) => {
    said = (said + text).slice(-SAID_CHARACTERS);
  });
  const ended = new Promise<ChildEnd>((resolve) => {
    child.on("error", (failure) => {
      if (child.pid === undefined) resolve({ code: null, signal: null, said: messageOf(failure), failure });
    });
    child.on("close", (code, signal) => resolve({ code, signal, said: said.trim() }));
  });
  const input: Writable = child.stdin ?? new PassThrough().resume();
  const output: Readable = child.stdout ?? new PassThrough().end();
  // A child that gives up closes its input, and its exit code tells why.
  input.on("error", () => {});
  output.on("error", () => {});
  return {
    stdin: input,
    stdout: output,
    ended,
    kill: () => void child.kill("SIGKILL"),
    async [Symbol.asyncDispose]() {
      if (child.exitCode === null && child.signalCode === null) child.kill("SIGKILL");
      // What nobody reads would keep the pipe open.
      output.destroy();
      await ended;
    },
  };
}
