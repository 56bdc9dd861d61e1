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
  writeFileAtomic,
  type Diagnostic,
} from "@tsbake/base";
import * as problem from "../problems.js";
import { isInside } from "../file/includes.js";
import { isLocalUrl } from "./names.js";
import type { Remote, Repository } from "./repository.js";
import { commitOf, resolveCommit, type RevisionOptions } from "./revision.js";
import { demandSignature } from "./signature.js";

export interface CheckoutOptions extends RevisionOptions {
  /** Where repositories may be written. */
  readonly workFolder: string;
  /** Those that are there, by their keys: keys of signers are in them. */
  readonly folders: ReadonlyMap<string, string>;
  readonly onWarning: (diagnostic: Diagnostic) => void;
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
 * @throws BuildError `project/repo-missing`, `project/not-a-repository`, `project/missing-revision`, `project/revision-mismatch`,
 *   `project/bad-signature`, …
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
  await demandSigned(repository, folder, commit, options);
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

/** @throws BuildError `project/bad-signature`, `project/bad-signer` */
export async function demandSigned(
  { id, at, signers, tag }: Repository,
  folder: string,
  commit: string,
  { folders }: CheckoutOptions,
): Promise<void> {
  if (!signers) return;
  const thing = { id, at, signers, folder, commit, ...(tag && { tag: `refs/tags/${tag.text}` }) };
  await demandSignature(thing, folders);
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
    await demandSigned(repository, target, commit, options);
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

/**
 * git does what the configuration of a repository says: it has to be this user's.
 *
 * @throws BuildError `project/not-a-repository`, `project/foreign-repository`
 */
export async function demandOwn(id: string, folder: string, at: Repository["at"]): Promise<void> {
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

/** For people, and for those who have no network here. */
export function cloneCommand({ branch, tag, refspec, commit, folder, url }: Remote): string {
  const at = branch ?? tag ?? refspec;
  const from = at === undefined ? [] : ["--branch", quote(at.text)];
  const begin = ["git", "clone", ...from, quote(redact(url.text)), quote(folder)].join(" ");
  return begin + (commit === undefined ? "" : ` && git -C ${quote(folder)} checkout ${quote(commit.text)}`);
}

/** For a shell; plain words stay as they are. */
function quote(word: string): string {
  return /^[\w@%+=:,./-]+$/.test(word) ? word : `'${word.replaceAll("'", "'\\''")}'`;
}
