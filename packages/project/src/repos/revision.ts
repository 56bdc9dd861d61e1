/** Which commit a repository has to be at: what the project file says of it, looked up in the clone, and fetched where it is not there. */
import { BuildError, git, gitReason, redact, withoutPassword, type Diagnostic } from "@tsbake/base";
import * as problem from "../problems.js";
import { isLocalUrl, trackingReference } from "./names.js";
import type { Remote, Said } from "./repository.js";

export interface RevisionOptions {
  /** BB_NO_NETWORK: only what is on this machine. */
  readonly isOffline: boolean;
  /** Branches are looked up anew where they are from, instead of where they were last time. */
  readonly updates: boolean;
  /** Keys of repositories that have been asked for news already. */
  readonly asked: Set<string>;
  /** Called before anything on the disk changes. */
  readonly beforeChange: () => Promise<void>;
  readonly onStep: (text: string, percent?: number) => void;
}

/** The commit in full; undefined where there is none of that name. */
export async function commitOf(folder: string, name: string): Promise<string | undefined> {
  const found = await git(["-C", folder, "rev-parse", "-q", "--verify", `${name}^{commit}`]);
  return found.code === 0 ? found.stdout.trim() : undefined;
}

/**
 * The commit that is asked for, fetched where it is not there yet.
 *
 * @param origin where the repository was cloned from; undefined: from the right place, just now
 */
export async function resolveCommit(
  repository: Remote,
  folder: string,
  options: RevisionOptions,
  origin: string | undefined,
): Promise<string> {
  const { id, url, branch, commit } = repository;
  // The branches that are there are another repository's.
  const isElsewhere = origin !== undefined && origin !== withoutPassword(url.text);
  const isFloating = commit === undefined || branch !== undefined;
  const isOld =
    (options.updates && commit === undefined && !options.asked.has(id)) || (isElsewhere && isFloating);
  if (!isOld) {
    const found = await lookUp(repository, folder);
    if ("commit" in found) return found.commit;
    // A clone that was made just now has all there is, but for what no branch leads to.
    if (origin === undefined && !needsOwnFetch(repository)) throw new BuildError([found.problem]);
  }
  if (options.isOffline && !isLocalUrl(url.text))
    throw new BuildError([problem.offlineRevision(id, wantedOf(repository)!)]);
  await options.beforeChange();
  await fetchInto(repository, folder, options, isElsewhere);
  options.asked.add(id);
  const found = await lookUp(repository, folder);
  if ("commit" in found) return found.commit;
  throw new BuildError([found.problem]);
}

function needsOwnFetch({ branch, commit }: Remote): boolean {
  return commit !== undefined || (branch?.text.startsWith("refs/") ?? false);
}

async function fetchInto(
  repository: Remote,
  folder: string,
  options: RevisionOptions,
  isElsewhere: boolean,
): Promise<void> {
  const { id, url, branch, tag, refspec, commit, at } = repository;
  const shown = redact(url.text);
  options.onStep(`${id}: fetching ${shown}`);
  const onProgress = (percent: number): void => options.onStep(`${id}: fetching ${shown}`, percent);
  const wanted = ["+refs/heads/*:refs/remotes/origin/*"];
  if (branch?.text.startsWith("refs/") && !branch.text.startsWith("refs/heads/")) {
    const { remote, local } = trackingReference(branch.text);
    wanted.push(`+${remote}:${local}`);
  }
  // It may be a tag.
  if (refspec) wanted.push("+refs/tags/*:refs/tags/*");
  if (tag) wanted.push(`+refs/tags/${tag.text}:refs/tags/${tag.text}`);
  // A setting of the repository could name another program for the other side.
  const begin = ["-C", folder, "fetch", "--progress", "--upload-pack=git-upload-pack"];
  const { code, stderr } = await git([...begin, "--prune", "--", url.text, ...wanted], { onProgress });
  // That it is not there is said by whoever looks for it.
  if (code !== 0 && !stderr.includes("couldn't find remote ref")) {
    const reason = redact(gitReason(stderr));
    throw new BuildError([problem.fetchFailed(id, shown, reason, wantedOf(repository)?.at ?? at)]);
  }
  if (isElsewhere) await git(["-C", folder, "remote", "set-url", "origin", withoutPassword(url.text)]);
  // Servers may give a commit that no branch leads to any more; whether it came is looked at afterwards.
  if (commit && commit.text.length >= 40 && (await commitOf(folder, commit.text)) === undefined)
    await git([...begin, "--", url.text, commit.text], { onProgress });
}

type Found = { readonly commit: string } | { readonly problem: Diagnostic };

/** What the references of the repository say, as they are. */
async function lookUp({ id, commit, branch, tag, refspec }: Remote, folder: string): Promise<Found> {
  if (refspec) return lookUpRefspec(id, refspec, folder);
  const named = commit && (await commitOf(folder, commit.text));
  // A branch can have a name like a commit that is cut short.
  const isIt = commit && (commit.text.length >= 40 || (named?.startsWith(commit.text) ?? false));
  const pinned = isIt ? named : undefined;
  if (commit && pinned === undefined) return { problem: problem.missingRevision(id, "commit", commit) };
  if (tag) {
    const tagged = await commitOf(folder, `refs/tags/${tag.text}`);
    if (tagged === undefined) return { problem: problem.missingRevision(id, "tag", tag) };
    if (pinned !== undefined && pinned !== tagged)
      return { problem: problem.revisionMismatch(id, `the tag \`${tag.text}\` is ${tagged}`, commit!) };
    return { commit: tagged };
  }
  if (branch) {
    const { local } = trackingReference(branch.text);
    const tip = await commitOf(folder, local);
    if (tip === undefined) return { problem: problem.missingRevision(id, "branch", branch) };
    if (pinned === undefined) return { commit: tip };
    const isOn = await git(["-C", folder, "merge-base", "--is-ancestor", pinned, tip]);
    if (isOn.code !== 0)
      return { problem: problem.revisionMismatch(id, `it is not on the branch \`${branch.text}\``, commit!) };
  }
  return { commit: pinned! };
}

/** As git takes a word: a tag, a branch of the server, or a commit that is cut short. */
async function lookUpRefspec(id: string, refspec: Said, folder: string): Promise<Found> {
  const { text } = refspec;
  const tagged = await commitOf(folder, `refs/tags/${text}`);
  const tip = await commitOf(folder, trackingReference(text).local);
  if (tagged !== undefined && tip !== undefined && tagged !== tip)
    return { problem: problem.revisionMismatch(id, "there is a tag and a branch of that name", refspec) };
  const named = await commitOf(folder, text);
  const short = named?.startsWith(text) ? named : undefined;
  const commit = tagged ?? tip ?? short;
  return commit === undefined ? { problem: problem.missingRevision(id, "branch", refspec) } : { commit };
}

/** What the project file says of where it is to be. */
function wantedOf({ commit, tag, branch, refspec }: Remote): Said | undefined {
  return commit ?? tag ?? branch ?? refspec;
}
