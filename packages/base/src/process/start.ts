/** The one place where `run` and `openChild` start a program. */
import { spawn, type ChildProcess, type StdioOptions } from "node:child_process";
import { BuildError } from "../diagnostics/diagnostic.js";
import { longStart } from "./argument-limit.js";

interface StartOptions {
  readonly cwd?: string | undefined;
  readonly env?: Readonly<Record<string, string>> | undefined;
  /** Ends it with all of its process group. */
  readonly signal?: AbortSignal | undefined;
}

/** Node throws E2BIG at once: nothing has been started then. @throws BuildError `base/too-long` */
export function start(
  command: string,
  args: readonly string[],
  options: StartOptions,
  stdio: StdioOptions,
): ChildProcess {
  const { cwd, env } = options;
  try {
    // A group of its own only where it can be stopped: else it ends with ours, which is that of a task's body.
    return spawn(command, args, {
      cwd,
      env: env ?? process.env,
      stdio,
      detached: options.signal !== undefined,
    });
  } catch (error) {
    const problem = longStart(error, { command, args, environment: env ?? process.env });
    throw problem ? new BuildError([problem], { cause: error }) : error;
  }
}
