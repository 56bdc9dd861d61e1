/**
 * Python tasks: a function of a recipe in a child process, the host's python3 or the embedded interpreter in a Node of
 * its own. `d` stays here; the child asks for it through two pipes (packages/python/lib/tsbake/task.py).
 */
import { BuildError } from "@tsbake/base";
import type { Datastore, PythonPlace } from "@tsbake/datastore";
import { writeFile } from "node:fs/promises";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";
import { Channel } from "./channel.js";
import { findHostPython } from "./host-python.js";
import type { LazyPython } from "./lazy.js";
import { LIBRARY } from "./open.js";
import type { MessageLevel } from "./options.js";
import { noHostPython } from "./problems.js";
import { startChild } from "./start-child.js";
import { TaskServer } from "./task-server.js";

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
  /** Open file descriptor for standard output and error; needed without `start`. */
  readonly logFd?: number;
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
  /** bb.parse.siggen.report_unihash */
  readonly reportUnihash?: (path: string, task: string) => Promise<void>;
}

export interface PythonTaskResult {
  /** 0, 1 for an exception, 128 + n for signal n, or whatever the process ended with. */
  readonly code: number;
  /** `Type: text (file:line)` of an exception. */
  readonly message?: string;
}

/**
 * Runs the function to its end. Never rejects because of what the function does.
 *
 * @throws BuildError `python/no-host-python` when `python: "host"` is asked for and there is none; `python/no-pipe`
 * @throws system errors of starting the child
 */
export async function runPythonTask(options: PythonTaskOptions): Promise<PythonTaskResult> {
  const { command, args } = await interpreterOf(options);
  if (options.scriptPath !== undefined) await writeFile(options.scriptPath, script(options));
  await using channel = await Channel.open();
  const all = [...args, channel.requestsPath, channel.repliesPath];
  const server = new TaskServer(options);
  channel.reply(server.job());
  const start = options.start ?? startChild(options);
  const ended = start(command, all, { environment: options.env }).finally(() => channel.finish());
  const [{ code }] = await Promise.all([ended, serve(server, channel)]);
  return { code, ...(server.failure !== undefined && { message: server.failure }) };
}

async function serve(server: TaskServer, channel: Channel): Promise<void> {
  for await (const line of channel.lines()) {
    const reply = await server.answer(line);
    if (reply !== undefined) channel.reply(reply);
  }
}

interface Interpreter {
  readonly command: string;
  readonly args: readonly string[];
}

async function interpreterOf({ python, env, cache }: PythonTaskOptions): Promise<Interpreter> {
  const host = python === "embedded" ? undefined : await findHostPython(env["PATH"]);
  if (host !== undefined) {
    const main = `import sys; sys.path[0] = ${JSON.stringify(LIBRARY)}; from tsbake.task import main; main()`;
    return { command: host, args: ["-B", "-c", main] };
  }
  if (python === "host") throw new BuildError([noHostPython()]);
  const program = join(dirname(fileURLToPath(import.meta.url)), "task-child.js");
  return { command: process.execPath, args: [program, cache] };
}

/** What runs, as one Python file; without the engine it has no `d` and is for reading only. */
function script({ name, body, place, functions = [] }: PythonTaskOptions): string {
  const main: TaskFunction = { name, text: body, place };
  const shown = [...functions, main].map(({ name: one, text, place: { file, line } }) => {
    const head = /^(?:async |def |@)/.test(text) ? "" : `def ${one.replace(/\W/g, "_")}(d):\n`;
    return `# ${file}:${line}\n${head}${text.trimEnd()}\n`;
  });
  return shown.join("\n");
}
