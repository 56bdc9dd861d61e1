/** What a Python task is given, and what it comes to. */
import type { Datastore, PythonError, PythonPlace } from "@tsbake/datastore";
import type { LazyPython } from "../interpreter/lazy.js";
import type { MessageLevel } from "../options.js";

/** A function that the task may call: a `def` as it stands in the file, or the body of a `python name() {}`. */
export interface TaskFunction {
  readonly name: string;
  readonly text: string;
  readonly place: PythonPlace;
}

export interface PythonTaskOptions {
  readonly name: string;
  /** The text between the braces. */
  readonly body: string;
  /** `line` is the line of the body's first line. */
  readonly place: PythonPlace;
  readonly d: Datastore;
  readonly functions?: readonly TaskFunction[];
  /** `addpylib` folders and their packages. */
  readonly libraries?: readonly { readonly directory: string; readonly namespace: string }[];
  /** Modules that the task's code may name without an import, beside os, bb and time. */
  readonly modules?: readonly string[];
  readonly cwd: string;
  readonly env: Readonly<Record<string, string>>;
  /** Octal digits. */
  readonly umask?: string | undefined;
  /**
   * Starts the interpreter as the caller wants a task's process to be (session, sandbox, log, stop) and resolves when it
   * has ended. Default: a child in a process group of its own, with `logFd` and `signal`.
   */
  readonly start?: (
    command: string,
    args: readonly string[],
    options: { readonly environment: Readonly<Record<string, string>> },
  ) => Promise<{ readonly code: number }>;
  /** Open file descriptor for standard output and error, without `start`. */
  readonly logFd?: number;
  /** Instead of `logFd`: told of each line of them, without the messages. */
  readonly onOutput?: (line: string) => void;
  /** Without `start`: ends the child and its children, SIGTERM first and SIGKILL five seconds later. */
  readonly signal?: AbortSignal;
  /** Where to write what is run, for reading; its folder must exist. */
  readonly scriptPath?: string;
  /** Which interpreter; default: the host's when it is there and at least 3.9, else the embedded one. */
  readonly python?: "host" | "embedded";
  /** Folder of the embedded interpreter's memory snapshot, see PythonOptions. */
  readonly cache: string;
  /** Opened when expansion in this process turns out to need an interpreter. */
  readonly lazy?: LazyPython;
  readonly onMessage?: (level: MessageLevel, text: string) => void;
  readonly onEvent?: (eventClass: string, attributes: Readonly<Record<string, unknown>>) => void;
  /** bb.build.exec_func of a shell function; resolves to its exit code. */
  readonly execFunction?: (
    name: string,
    d: Datastore,
    dirs: readonly string[] | undefined,
  ) => Promise<number>;
  /**
   * bb.parse.siggen.report_unihash: what came out of the task (without `do_`), by the named method.
   *
   * @returns what the output is equivalent to; undefined when nobody keeps that
   */
  readonly reportUnihash?: (task: string, method: string, outhash: string) => Promise<string | undefined>;
}

export interface PythonTaskResult {
  /** 0, 1 for an exception, 128 + n for signal n, or whatever the process ended with. */
  readonly code: number;
  /** `Type: text (file:line)` of an exception. */
  readonly message?: string;
  /** The exception itself. */
  readonly failure?: PythonError;
}
