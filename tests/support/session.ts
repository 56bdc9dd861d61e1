/** A command in process, against a build made by hand: what it prints, and how it ends. */
import { parseCommand, runSession, type Surroundings } from "@tsbake/cli";
import type { LockedBuild, OpenOptions } from "@tsbake/engine";

export interface SessionResult {
  readonly code: number;
  readonly out: string;
  readonly err: string;
}

/**
 * @param build what the command gets when it opens or locks the build folder
 * @param around what is other than in an empty environment, 300 ms after the start, with nobody who stops it
 */
export async function runCommand(
  words: readonly string[],
  build: Partial<LockedBuild> | ((options: OpenOptions) => Partial<LockedBuild>),
  around: Partial<Surroundings> = {},
): Promise<SessionResult> {
  const [out, err]: [string[], string[]] = [[], []];
  const command = parseCommand(words);
  if (command.kind !== "request") throw new Error("not a request");
  const open = (options: OpenOptions) =>
    Promise.resolve((typeof build === "function" ? build(options) : build) as LockedBuild);
  const code = await runSession(command.request, {
    stdout: { write: (text) => out.push(text) },
    stderr: { write: (text) => err.push(text) },
    environment: {},
    directory: "/project",
    version: "1.0",
    words,
    elapsedMs: () => 300,
    stop: new AbortController().signal,
    kill: new AbortController().signal,
    onTasks: () => {},
    openBuild: open,
    lockBuild: open,
    ...around,
  });
  return { code, out: out.join(""), err: err.join("") };
}
