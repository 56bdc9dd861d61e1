/**
 * Repositories with a `url`: cloned where they are not there, checked to be at the commit that the project file asks for, and
 * brought there. What somebody works on is never touched: it is said, and stays.
 */
import { existsSync, realpathSync } from "node:fs";
import { rename, stat } from "node:fs/promises";
import { dirname } from "node:path";
import {
  BuildError,
  git,
  gitReason,
  hasCode,
  makeFolder,
  readTextIfThere,
  reasonOf,
  redact,
  removeTree,
  scratchFolder,
  syncTree,
  withoutPassword,
  writeFileAtomic,
  type Diagnostic,
} from "@tsbake/base";
import * as problem from "../problems.js";
import { isInside } from "../file/includes.js";
import { isLocalUrl, trackingReference } from "./names.js";
import type { Repository, Said } from "./repository.js";

export interface CheckoutOptions {
  /** Where repositories may be written. */
  readonly workFolder: string;
  /** BB_NO_NETWORK: only what is on this machine. */
  readonly isOffline: boolean;
  /** Branches are looked up anew where they are from, instead of where they were last time. */
  readonly updates: boolean;
  /** Keys of repositories that have been asked for news already. */
  readonly asked: Set<string>;
  /** Called before anything on the disk changes. */
  readonly beforeChange: () => Promise<void>;
  readonly onStep: (text: string, percent?: number) => void;
  readonly onWarning: (diagnostic: Diagnostic) => void;
}

/** A repository with a URL and a folder. */
export type Remote = Repository & { readonly url: Said; readonly folder: string };

export function isRemote(repository: Repository): repository is Remote {
  return repository.url !== undefined && repository.folder !== undefined;
}

/** What we have done with a repository, kept in its `.git`: HEAD is ours while it is still `head`. */
interface Note {
  readonly base: string;
  readonly head: string;
  /** Digest of the patches on top of `base`; empty without. */
  readonly patches: string;
}

export interface CheckedOut {
  /** The commit that is asked for, in full, before patches. */
  readonly commit: string;
  /** Digest of the patches that are on top of it; empty without. Undefined: the work tree is somebody's own, and was left. */
  readonly patches: string | undefined;
}

/**
 * Makes sure that the repository is there, at its commit.
 *
 * @param isHeld nobody else changes it now: what was looked at before is looked at again, since that may have taken hours
 * @throws BuildError `project/repo-missing`, `project/not-a-repository`, `project/missing-revision`, `project/revision-mismatch`, …
 */
export async function checkOut(
  repository: Remote,
  options: CheckoutOptions,
  isHeld = false,
): Promise<CheckedOut> {
  const { id, folder, at } = repository;
  const again = async (): Promise<CheckedOut> => {
    await options.beforeChange();
    return checkOut(repository, options, true);
  };
  if (!isInside(folder, options.workFolder))
    throw new BuildError([problem.pathOutside(id, folder, options.workFolder, at)]);
  if (!existsSync(folder)) {
    demandReachable(repository, options);
    return isHeld ? clone(repository, options) : again();
  }
  const state = await stateOf(repository);
  const commit = await resolveCommit(repository, folder, options, state.url);
  const isOurs = state.note !== undefined && state.note.head === state.head;
  if (isOurs && state.note?.base === commit) return { commit, patches: state.note.patches };
  if (commit === state.head) return { commit, patches: "" };
  const why = await reasonToLeave(folder, state.head, isOurs);
  if (why !== undefined) {
    options.onWarning(problem.repoLeft(id, folder, { wanted: commit, there: state.head, why }, at));
    return { commit, patches: undefined };
  }
  if (!isHeld) return again();
  options.onStep(`${id}: checking out ${commit.slice(0, 12)} (was ${state.head?.slice(0, 12) ?? "empty"})`);
  await moveTo(repository, folder, commit);
  return { commit, patches: "" };
}

/** @throws BuildError `project/repo-missing` where BB_NO_NETWORK forbids to clone it */
function demandReachable(repository: Remote, { isOffline }: CheckoutOptions): void {
  const { id, url, folder, at } = repository;
  if (!isOffline || isLocalUrl(url.text)) return;
  const command = cloneCommand(repository);
  throw new BuildError([problem.repoMissing(id, folder, { command, near: [], isOffline }, at)]);
}

/** Into a folder beside, which gets its name when all of it is there. */
async function clone(repository: Remote, options: CheckoutOptions): Promise<CheckedOut> {
  const { id, url, folder, at } = repository;
  const shown = redact(url.text);
  const command = cloneCommand(repository);
  options.onStep(`${id}: cloning ${shown}`);
  const scratch = await scratchBeside(repository, command);
  try {
    const target = `${scratch}/clone`;
    const make = ["clone", "--progress", "--no-checkout", "--template=", "--", url.text, target];
    const onProgress = (percent: number): void => options.onStep(`${id}: cloning ${shown}`, percent);
    const { code, stderr } = await git(make, { onProgress });
    if (code !== 0) {
      const reason = redact(gitReason(stderr));
      throw new BuildError([problem.repoMissing(id, folder, { command, near: [], reason }, at)]);
    }
    options.asked.add(id);
    const commit = await resolveCommit(repository, target, options, undefined);
    await moveTo(repository, target, commit);
    syncTree(`${target}/.git`);
    await rename(target, folder);
    return { commit, patches: "" };
  } catch (error) {
    // A build of another build folder was quicker.
    if (!hasCode(error, "ENOTEMPTY", "EEXIST")) throw error;
    return await checkOut(repository, options, true);
  } finally {
    await removeTree(scratch);
  }
}

async function scratchBeside({ id, folder, at }: Remote, command: string): Promise<string> {
  try {
    await makeFolder(dirname(folder));
    return await scratchFolder(`${folder}.tmp-`);
  } catch (error) {
    const remedy = { command, near: [], reason: reasonOf(error) };
    throw new BuildError([problem.repoMissing(id, folder, remedy, at)], { cause: error });
  }
}

interface State {
  /** Undefined: it has no commit. */
  readonly head: string | undefined;
  /** Of its `origin`. */
  readonly url: string | undefined;
  readonly note: Note | undefined;
}

/** @throws BuildError `project/not-a-repository`, `project/foreign-repository` */
async function stateOf({ id, folder, at }: Remote): Promise<State> {
  await demandOwn(id, folder, at);
  const asked = await git(["-C", folder, "rev-parse", "--show-toplevel", "--git-path", NOTE]);
  const [top = "", note = ""] = asked.stdout.split("\n");
  if (asked.code !== 0 || !existsSync(top) || realpathSync(top) !== realpathSync(folder))
    throw new BuildError([problem.notARepository(id, folder, at)]);
  const head = await commitOf(folder, "HEAD");
  const url = await git(["-C", folder, "config", "--get", "remote.origin.url"]);
  return { head, url: url.stdout.trim() || undefined, note: await readNote(folder, note) };
}

/** git does what the configuration of a repository says: it has to be this user's. */
async function demandOwn(id: string, folder: string, at: Repository["at"]): Promise<void> {
  try {
    for (const one of [folder, `${folder}/.git`]) {
      const { uid } = await stat(one);
      if (uid !== process.geteuid?.()) throw new BuildError([problem.foreignRepository(id, folder, uid, at)]);
    }
  } catch (error) {
    if (!hasCode(error, "ENOENT", "ENOTDIR")) throw error;
    throw new BuildError([problem.notARepository(id, folder, at)], { cause: error });
  }
}

const NOTE = "tsbake.json";

async function readNote(folder: string, path: string): Promise<Note | undefined> {
  const text = await readTextIfThere(path.startsWith("/") ? path : `${folder}/${path}`);
  if (text === undefined) return undefined;
  let data: unknown;
  try {
    data = JSON.parse(text);
  } catch {
    // As if there were none: nothing that is somebody's is then taken for ours.
    return undefined;
  }
  const has = (key: string): boolean =>
    typeof data === "object" && data !== null && typeof (data as Record<string, unknown>)[key] === "string";
  return ["base", "head", "patches"].every(has) ? (data as Note) : undefined;
}

/** Notes down that HEAD, as it is now, is our own. */
export async function noteHead(folder: string, note: Omit<Note, "head">): Promise<void> {
  const path = (await git(["-C", folder, "rev-parse", "--git-path", NOTE])).stdout.trim();
  const head = (await commitOf(folder, "HEAD")) ?? "";
  const text = `${JSON.stringify({ ...note, head })}\n`;
  await writeFileAtomic(path.startsWith("/") ? path : `${folder}/${path}`, text);
}

/** The commit in full; undefined where there is none of that name. */
export async function commitOf(folder: string, name: string): Promise<string | undefined> {
  const found = await git(["-C", folder, "rev-parse", "-q", "--verify", `${name}^{commit}`]);
  return found.code === 0 ? found.stdout.trim() : undefined;
}

/** Why nothing is checked out; undefined: nobody has anything of his own there. */
export async function reasonToLeave(
  folder: string,
  head: string | undefined,
  isOurs: boolean,
): Promise<string | undefined> {
  const changed = await git(["-C", folder, "status", "--porcelain", "--untracked-files=no"]);
  if (changed.code !== 0) return gitReason(changed.stderr);
  if (changed.stdout.trim() !== "") return "files in it are changed";
  if (isOurs || head === undefined) return undefined;
  const own = await git(["-C", folder, "rev-list", "-n", "1", "HEAD", "--not", "--remotes", "--tags"]);
  return own.stdout.trim() === "" ? undefined : "it has commits that no remote has";
}

/** HEAD is detached: a branch of somebody's is never moved. */
export async function moveTo({ id, at }: Remote, folder: string, commit: string): Promise<void> {
  const { code, stderr } = await git(["-C", folder, "checkout", "-q", "--detach", commit]);
  if (code !== 0) throw new BuildError([problem.checkoutFailed(id, commit, gitReason(stderr), at)]);
  await noteHead(folder, { base: commit, patches: "" });
}

/**
 * The commit that is asked for, fetched where it is not there yet.
 *
 * @param origin where the repository was cloned from; undefined: from the right place, just now
 */
async function resolveCommit(
  repository: Remote,
  folder: string,
  options: CheckoutOptions,
  origin: string | undefined,
): Promise<string> {
  const { id, url, branch, tag, commit } = repository;
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
    throw new BuildError([problem.offlineRevision(id, (commit ?? tag ?? branch)!)]);
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
  { id, url, branch, tag, commit, at }: Remote,
  folder: string,
  options: CheckoutOptions,
  isElsewhere: boolean,
): Promise<void> {
  const shown = redact(url.text);
  options.onStep(`${id}: fetching ${shown}`);
  const onProgress = (percent: number): void => options.onStep(`${id}: fetching ${shown}`, percent);
  const wanted = ["+refs/heads/*:refs/remotes/origin/*"];
  if (branch?.text.startsWith("refs/") && !branch.text.startsWith("refs/heads/")) {
    const { remote, local } = trackingReference(branch.text);
    wanted.push(`+${remote}:${local}`);
  }
  if (tag) wanted.push(`+refs/tags/${tag.text}:refs/tags/${tag.text}`);
  // A setting of the repository could name another program for the other side.
  const begin = ["-C", folder, "fetch", "--progress", "--upload-pack=git-upload-pack"];
  const { code, stderr } = await git([...begin, "--prune", "--", url.text, ...wanted], { onProgress });
  // That it is not there is said by whoever looks for it.
  if (code !== 0 && !stderr.includes("couldn't find remote ref")) {
    const reason = redact(gitReason(stderr));
    throw new BuildError([problem.fetchFailed(id, shown, reason, (commit ?? tag ?? branch)?.at ?? at)]);
  }
  if (isElsewhere) await git(["-C", folder, "remote", "set-url", "origin", withoutPassword(url.text)]);
  // Servers may give a commit that no branch leads to any more; whether it came is looked at afterwards.
  if (commit && commit.text.length >= 40 && (await commitOf(folder, commit.text)) === undefined)
    await git([...begin, "--", url.text, commit.text], { onProgress });
}

type Found = { readonly commit: string } | { readonly problem: Diagnostic };

/** What the references of the repository say, as they are. */
async function lookUp({ id, commit, branch, tag }: Remote, folder: string): Promise<Found> {
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

/** For people, and for those who have no network here. */
export function cloneCommand({ branch, tag, commit, folder, url }: Remote): string {
  const at = branch ?? tag;
  const from = at === undefined ? [] : ["--branch", quote(at.text)];
  const begin = ["git", "clone", ...from, quote(redact(url.text)), quote(folder)].join(" ");
  return begin + (commit === undefined ? "" : ` && git -C ${quote(folder)} checkout ${quote(commit.text)}`);
}

/** For a shell; plain words stay as they are. */
function quote(word: string): string {
  return /^[\w@%+=:,./-]+$/.test(word) ? word : `'${word.replaceAll("'", "'\\''")}'`;
}
