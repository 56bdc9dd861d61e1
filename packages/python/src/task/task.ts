/**
 * Python tasks: a function of a recipe in a child process, the host's python3 or the embedded interpreter in a Node of
 * its own. `d` stays here; the child asks for it through two pipes (packages/python/lib/tsbake/task.py).
 */
import { BuildError, redact } from "@tsbake/base";
import { writeFile } from "node:fs/promises";
import { fileURLToPath } from "node:url";
import { Channel } from "./channel.js";
import { toPythonError, type PythonFailure } from "../failure.js";
import { findHostPython } from "./host-python.js";
import { LIBRARY } from "../interpreter/open.js";
import { noHostPython } from "../problems.js";
import { startChild } from "./start-child.js";
import type { PythonTaskOptions, PythonTaskResult, TaskFunction } from "./task-options.js";
import { TaskServer } from "./task-server.js";

/**
 * Runs the function to its end. Never rejects because of what the function does.
 *
 * @throws BuildError `python/no-host-python` when `python: "host"` is asked for and there is none; `python/no-pipe`
 * @throws system errors of starting the child
 */
export async function runPythonTask(options: PythonTaskOptions): Promise<PythonTaskResult> {
  const { command, args } = await interpreterOf(options);
  if (options.scriptPath !== undefined) await writeFile(options.scriptPath, redact(script(options)));
  await using channel = await Channel.open();
  const all = [...args, channel.requestsPath, channel.repliesPath];
  const server = new TaskServer(options);
  channel.reply(server.job());
  const start = options.start ?? startChild(options);
  const ended = start(command, all, { environment: options.env }).finally(() => channel.finish());
  const [{ code }] = await Promise.all([ended, serve(server, channel)]);
  server.close();
  const { failure } = server;
  return { code, ...(failure && { message: told(failure), failure: toPythonError(failure) }) };
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
  const program = fileURLToPath(new URL("task-child.js", import.meta.url));
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

function told({ type, detail, frames }: PythonFailure): string {
  const last = frames.at(-1);
  return `${type}: ${detail}${last ? ` (${last.file}:${last.line})` : ""}`;
}
