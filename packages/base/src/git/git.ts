/** git, called so that nothing which a repository, a mirror or a user's habits bring runs or asks. */
import { hasCode } from "../diagnostics/errno.js";
import type { RunResult } from "../problems.js";
import { run } from "../process/process.js";
import { loginEnvironment, withoutPassword } from "./login.js";

/** What git may reach: never a program (`ext::`) that a URL names. */
export const GIT_PROTOCOLS = ["file", "git", "http", "https", "ssh"];

/** The callers look whose the folders are that git is led to; a repository that is cloned from may be anybody's. */
const SAFE = [
  "core.hooksPath=/dev/null",
  "core.fsmonitor=false",
  "core.autocrlf=false",
  "safe.directory=*",
  "safe.bareRepository=all",
  "advice.detachedHead=false",
  "clone.defaultRemoteName=origin",
  "init.defaultBranch=master",
  "gc.auto=0",
];
const SAFE_ARGUMENTS = SAFE.flatMap((one) => ["-c", one]);

/** What a call of git has beside its words. */
interface GitOptions {
  /** Called with how far it is, 0 to 100. */
  readonly onProgress?: ((percent: number) => void) | undefined;
  /** Variables of its environment beside the usual ones, such as the date of a commit. */
  readonly env?: Readonly<Record<string, string>>;
  /** For its standard input. */
  readonly input?: Iterable<Uint8Array> | undefined;
}

/** Runs git; without one on the PATH it ends like a shell that does not find it. */
export async function git(
  args: readonly string[],
  { onProgress, env: more = {}, input }: GitOptions = {},
): Promise<RunResult> {
  const env: Record<string, string> = {
    LC_ALL: "C",
    GIT_TERMINAL_PROMPT: "0",
    GIT_ALLOW_PROTOCOL: GIT_PROTOCOLS.join(":"),
    // A machine's attributes would change what is checked out.
    GIT_ATTR_NOSYSTEM: "1",
    GIT_LFS_SKIP_SMUDGE: "1",
  };
  for (const [name, value] of Object.entries(process.env)) {
    if (value !== undefined && !FOREIGN_VARIABLES.test(name)) env[name] = value;
  }
  try {
    const onOutput = (text: string): void => {
      const percent = [...text.matchAll(PROGRESS)].at(-1)?.[1];
      if (percent !== undefined) onProgress?.(Number(percent));
    };
    if (!REACHES_OUT.has(subcommandOf(args))) Object.assign(env, NO_CONFIGURATION);
    const shown = args.map((word) => withoutPassword(word));
    Object.assign(env, loginEnvironment(), more);
    return await run("git", [...SAFE_ARGUMENTS, ...shown], {
      env,
      onOutput,
      mayFail: true,
      ...(input && { input }),
    });
  } catch (error) {
    if (!hasCode(error, "ENOENT")) throw error;
    return { code: 127, signal: null, stdout: "", stderr: "there is no program `git` on the PATH" };
  }
}

/** They ask as the machine is set up to ask: proxies, certificates, keys. They check nothing out. */
const REACHES_OUT = new Set(["clone", "fetch", "ls-remote"]);
/** What the machine or the user has set (attributes, line ends, filters) would change what is checked out. */
const NO_CONFIGURATION = { GIT_CONFIG_NOSYSTEM: "1", GIT_CONFIG_GLOBAL: "/dev/null" };

/** What stands behind `-C FOLDER` and `-c SETTING`. */
function subcommandOf(args: readonly string[]): string {
  let at = 0;
  while (args[at] === "-C" || args[at] === "-c") at += 2;
  return args[at] ?? "";
}

/** They point git at another repository, as in a hook, or are set above. */
const FOREIGN_VARIABLES =
  /^(GIT_(DIR|WORK_TREE|INDEX_FILE|OBJECT_DIRECTORY|COMMON_DIR|NAMESPACE|ALLOW_PROTOCOL|TERMINAL_PROMPT|ATTR_NOSYSTEM|LFS_SKIP_SMUDGE|ALTERNATE_OBJECT_DIRECTORIES|CONFIG(_COUNT|_PARAMETERS|_KEY_\d+|_VALUE_\d+)?)|LC_ALL)$/;

/** `Receiving objects:  45% (9/20)` */
const PROGRESS = /: +(\d+)% \(/g;

/** What it says beside a reason: how far it is, and what is said of every server that does not answer as it should. */
const WITHOUT_NEWS =
  /^Cloning into |^remote: (Enumer|Total)|^\s*$|^Please make sure you have the correct access|^and the repository exists/;

/** The last that git said, without the lines that tell how far it is. */
export function gitReason(text: string): string {
  const lines = text
    .trim()
    .split(/[\r\n]+/)
    .filter((line) => line.search(PROGRESS) === -1 && !WITHOUT_NEWS.test(line));
  return lines.slice(-3).join("; ");
}
