/** What a trace says. */
import { existsSync } from "node:fs";
import { BuildError, git, gitReason } from "@tsbake/base";
import { badTrace } from "../problems.js";
import { parseChanges, type TracedChange } from "./changes.js";

export interface TracedTask {
  /** With `do_`. */
  readonly task: string;
  readonly failed: boolean;
  /** Of the commit, in full. */
  readonly commit: string;
  readonly endedSeconds: number;
  readonly changes: readonly TracedChange[];
}

/**
 * The newest commit of each task, in the order in which they ended; none where nothing was traced.
 *
 * @throws BuildError `engine/bad-trace`
 */
export async function tracedTasks(folder: string): Promise<TracedTask[]> {
  if (!existsSync(folder)) return [];
  const log = await ask(folder, ["log", "--reverse", "-z", "--format=%H %ct %B", "refs/heads/trace"]);
  const newest = new Map<string, TracedTask>();
  for (const record of log.split("\0")) {
    if (record === "") continue;
    const found = /^([0-9a-f]+) (\d+) (do_\S+)( \(failed\))?\n\n?([^]*)$/.exec(record);
    const changes = found && parseChanges(found[5]!);
    if (!found || !changes) throw new BuildError([badTrace(folder, "it has a commit that is no task's")]);
    const [, commit, seconds, task, failed] = found;
    // Those that ran again come where they ran last.
    newest.delete(task!);
    newest.set(task!, {
      task: task!,
      failed: failed !== undefined,
      commit: commit!,
      endedSeconds: Number(seconds),
      changes,
    });
  }
  return [...newest.values()];
}

/** The patch of what a task changed last, as `git show` has it. @throws BuildError `engine/bad-trace` */
export function tracedPatch(folder: string, { commit }: TracedTask): Promise<string> {
  return ask(folder, [
    "show",
    "--format=",
    "--no-color",
    "--no-ext-diff",
    "--no-textconv",
    "--no-renames",
    commit,
  ]);
}

async function ask(folder: string, args: readonly string[]): Promise<string> {
  const { code, stdout, stderr } = await git(["--git-dir", folder, ...args]);
  if (code !== 0) throw new BuildError([badTrace(folder, gitReason(stderr))]);
  return stdout;
}
