/** What the embedded interpreter calls: HostBackend in packages/python/lib/tsbake/interpreter.py is the other end. */
import type { PythonError } from "@tsbake/datastore";
import { spawnSync } from "node:child_process";
import { hasCode, messageOf } from "@tsbake/base";
import { describeForPython } from "../failure.js";
import type { PythonOptions } from "../options.js";

/** A child process that Python asks for; texts are bytes, one character each. */
interface SpawnRequest {
  readonly command: string;
  readonly args: readonly string[];
  readonly cwd: string;
  readonly env: Readonly<Record<string, string>>;
  readonly input: string;
  /** Where it is not that of who asks. */
  readonly umask?: number;
}

/** Output of a child that is kept: 256 MiB. */
const MAX_OUTPUT_BYTES = 256 * 1024 * 1024;

export class Bridge {
  readonly #options: PythonOptions;
  /** Python's own exceptions, by the error that carried them out of Python. */
  readonly #exceptions = new WeakMap<object, unknown>();
  /** Errors of the engine that are on their way through Python; a few, the rest is forgotten. */
  readonly #errors = new Map<number, unknown>();
  #nextKey = 1;
  #last: unknown;
  /** umask of the interpreter: what metadata sets is not to be that of the engine. */
  #mask = process.umask();
  /** An error that may be the text of the exception that comes next (bb.fatal): that is told once, with its place. */
  #held: string | undefined;

  constructor(options: PythonOptions) {
    this.#options = options;
  }

  get mask(): number {
    return this.#mask;
  }

  /** A store over an empty datastore, for Python's `DataSmart()`. */
  newStore: () => unknown = () => {
    throw new Error("internal: the interpreter is not open yet");
  };

  /** Remembers what a method of a PythonDatastore threw. */
  failed(error: unknown): void {
    this.#last = error;
  }

  /** Ties the exception to the error that stands for it, so that it can go back as it was. */
  keep(error: PythonError, exception: unknown): void {
    this.#exceptions.set(error, exception);
  }

  /** The engine's error behind a key of `describeError`. */
  errorOf(key: number | null | undefined): unknown {
    return key === null || key === undefined ? undefined : this.#errors.get(key);
  }

  /** Python came back. `told`: what its exception says will be told by whoever gets it. */
  settle(told?: string): void {
    if (this.#held !== undefined && this.#held !== told) this.#options.onMessage("error", this.#held);
    this.#held = undefined;
  }

  // The rest is called by Python.

  message(level: string, text: string): void {
    this.settle();
    if (level === "error") this.#held = text;
    else this.#options.onMessage(levelOf(level), text);
  }

  originalException(): unknown {
    return typeof this.#last === "object" && this.#last !== null
      ? this.#exceptions.get(this.#last)
      : undefined;
  }

  describeError(): string {
    const key = this.#nextKey++;
    this.#errors.set(key, this.#last);
    this.#errors.delete(key - 100);
    return JSON.stringify({ ...describeForPython(this.#last), key });
  }

  /** A list of texts in one crossing; `length` tells an empty list from one empty text. */
  texts(joined: string, length: number): string[] {
    return length === 0 ? [] : joined.split("\0");
  }

  /** os.umask(). @returns the one before */
  umask(mask: number): number {
    const before = this.#mask;
    this.#mask = mask & 0o777;
    return before;
  }

  spawn(request: string): string {
    const { cwd, env, input, ...asked } = JSON.parse(request) as SpawnRequest;
    const { command, args } = masked({ umask: this.#mask, ...asked });
    const ended = spawnSync(command, args, {
      cwd,
      env,
      input: Buffer.from(input, "latin1"),
      maxBuffer: MAX_OUTPUT_BYTES,
    });
    if (ended.error) {
      return JSON.stringify(
        hasCode(ended.error, "ENOENT") ? { missing: true } : { error: messageOf(ended.error) },
      );
    }
    if (command !== asked.command && ended.status === MISSING) return JSON.stringify({ missing: true });
    return JSON.stringify({
      // A signal is a negative code in Python; which one it was does not matter to those who test for zero.
      code: ended.status ?? -15,
      stdout: ended.stdout.toString("latin1"),
      stderr: ended.stderr.toString("latin1"),
    });
  }

  depend(path: string): void {
    this.#options.onDependency?.(path);
  }

  fire(eventClass: string, attributes: string): void {
    this.#options.onEvent?.(eventClass, JSON.parse(attributes) as Record<string, unknown>);
  }
}

/** What a shell says of a program that is not there; we ask it before it starts one. */
const MISSING = 127;
const UMASK_SCRIPT = `umask "$0"; command -v "$1" >/dev/null || exit ${MISSING}; exec "$@"`;

/** With a shell in between where the umask is another one. */
function masked({ command, args, umask }: Pick<SpawnRequest, "command" | "args"> & { umask: number }) {
  if (umask === process.umask()) return { command, args };
  return { command: "/bin/sh", args: ["-c", UMASK_SCRIPT, umask.toString(8), command, ...args] };
}

function levelOf(level: string): Parameters<PythonOptions["onMessage"]>[0] {
  switch (level) {
    case "debug":
    case "plain":
    case "note":
    case "warning":
    case "error":
      return level;
  }
  return "note";
}
