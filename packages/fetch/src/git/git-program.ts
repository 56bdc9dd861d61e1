/** What fetching asks of git: success, and a repository that is this user's. */
import { stat } from "node:fs/promises";
import { BuildError, git, gitReason, hasCode } from "@tsbake/base";
import { foreignClone, gitFailed } from "../problems.js";
import type { SourceUri } from "../source/source-uri.js";

/** @returns its output @throws BuildError `fetch/git-failed` */
export async function demandGit(source: SourceUri, action: string, args: readonly string[]): Promise<string> {
  const { code, stdout, stderr } = await git(args);
  if (code !== 0) throw new BuildError([gitFailed(source.uri, action, gitReason(stderr))]);
  return stdout;
}

/**
 * Whether there is a repository at `path` that git may be led into: its configuration can name programs, so it has to be
 * this user's.
 *
 * @throws BuildError `fetch/foreign-clone`
 */
export async function ownRepository(path: string): Promise<boolean> {
  try {
    for (const one of [path, `${path}/config`]) {
      const { uid } = await stat(one);
      if (uid !== process.geteuid?.()) throw new BuildError([foreignClone(path, uid)]);
    }
    return true;
  } catch (error) {
    if (hasCode(error, "ENOENT", "ENOTDIR")) return false;
    throw error;
  }
}
