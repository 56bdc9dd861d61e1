/**
 * `git://`: one bare clone a repository in DL_DIR/git2, for all recipes; a checkout of one commit in the work folder.
 * The commit is always given in full: it is the checksum of the sources.
 */
import { mkdir, mkdtemp, rename, stat } from "node:fs/promises";
import { dirname, join } from "node:path";
import {
  BuildError,
  hasCode,
  lockFile,
  messageOf,
  removeTree,
  run,
  splitUrl,
  words,
  type RunResult,
} from "@tsbake/base";
import { placesOf } from "./mirrors.js";
import type { FetchOptions } from "./options.js";
import {
  downloadFailed,
  gitFailed,
  missingRevision,
  noNetwork,
  notOnBranch,
  unusableFolder,
} from "./problems.js";
import { fail, flagOf, nameOf, pathOf, type SourceUri } from "./source-uri.js";

const PROTOCOLS = ["file", "git", "http", "https", "ssh"];

/** Nothing that a repository or a user's habits bring may run or ask. */
const SAFE = [
  "core.hooksPath=/dev/null",
  "core.autocrlf=false",
  "safe.directory=*",
  "safe.bareRepository=all",
];
const SAFE_ARGUMENTS = [...SAFE, "advice.detachedHead=false", "gc.auto=0"].flatMap((one) => ["-c", one]);

/** Where the bare clone of an entry is, or will be: named as BitBake names it. */
export function clonePath(source: SourceUri, options: Pick<FetchOptions, "dlDir">): string {
  const name = `${source.host.replaceAll(":", ".")}${source.path.replace(/[/*]/g, ".").replace(/[ ()]/g, "_")}`;
  return join(options.dlDir, "git2", name.replace(/^\./, ""));
}

/**
 * Makes sure that the clone has the commit, and that the commit is on its branch.
 *
 * @returns the path of the bare clone
 * @throws BuildError `fetch/missing-revision`, `fetch/not-on-branch`, `fetch/download-failed`, `fetch/no-network`
 */
export async function fetchGit(source: SourceUri, options: FetchOptions): Promise<string> {
  const revision = revisionOf(source, options);
  const branch = branchOf(source);
  // Whatever is wrong with the entry is said even when the commit is there already.
  repositoryOf(source.uri, source.uri);
  const clone = clonePath(source, options);
  const isFine = async (): Promise<boolean> =>
    (await hasCommit(clone, revision)) && (branch === undefined || (await isOn(clone, revision, branch)));
  if (await isFine()) return clone;
  await prepare(clone, options);
  await using _lock = await lockFile(`${clone}.lock`, { holder: holder(), mode: 0o664 });
  if (await isFine()) return clone;
  await update(source, clone, isFine, options);
  if (!(await hasCommit(clone, revision))) {
    throw new BuildError([downloadFailed(source.uri, [`it has no commit ${revision}`])]);
  }
  if (branch !== undefined && !(await isOn(clone, revision, branch))) {
    throw new BuildError([notOnBranch(source.uri, revision, branch)]);
  }
  return clone;
}

async function prepare(clone: string, options: FetchOptions): Promise<void> {
  try {
    await mkdir(dirname(clone), { recursive: true });
  } catch (error) {
    throw new BuildError([unusableFolder(options.dlDir, messageOf(error))], { cause: error });
  }
}

/** Deletes the bare clone, which other recipes may share; they clone it again. */
export async function removeClone(source: SourceUri, options: Pick<FetchOptions, "dlDir">): Promise<void> {
  const clone = clonePath(source, options);
  if (!(await isThere(clone))) return;
  await using _lock = await lockFile(`${clone}.lock`, { holder: holder(), mode: 0o664 });
  await removeTree(clone);
}

/** Without the URI, which may hold a login: others read it. */
function holder(): string {
  return `tsbake-fetch (process ${process.pid})`;
}

/** The commit that the recipe pins. @throws BuildError `fetch/missing-revision` */
export function revisionOf(source: SourceUri, options: FetchOptions): string {
  const name = nameOf(source);
  const found = source.parameters["rev"] ?? options.revisions?.[name];
  if (found === undefined || !/^([0-9a-f]{40}|[0-9a-f]{64})$/.test(found)) {
    throw new BuildError([missingRevision(source.uri, name, found === "" ? undefined : found)]);
  }
  return found;
}

function branchOf(source: SourceUri): string | undefined {
  if (flagOf(source, "nobranch", false)) return undefined;
  const branch = source.parameters["branch"];
  if (branch === undefined || branch === "") fail(source.uri, "it says neither `branch=…` nor `nobranch=1`");
  if (branch.startsWith("-")) fail(source.uri, `\`${branch}\` is no branch`);
  return branch;
}

/** What git is to be called with for a URL of ours. */
function repositoryOf(url: string, uri: string): string {
  const { host, path, user, password, parameters } = splitUrl(url)!;
  const protocol = parameters["protocol"] ?? (host === "" ? "file" : "git");
  if (!PROTOCOLS.includes(protocol)) fail(uri, `git has no protocol \`${protocol}\` here`);
  if (protocol === "file") return path;
  const login = user === "" ? "" : `${user}${password === "" ? "" : `:${password}`}@`;
  return `${protocol}://${login}${host}${path}`;
}

async function update(
  source: SourceUri,
  clone: string,
  isFine: () => Promise<boolean>,
  options: FetchOptions,
): Promise<void> {
  const reasons: string[] = [];
  let isForbidden = false;
  let hasAnswered = false;
  for (const { url } of placesOf(source.uri, source.path.slice(source.path.lastIndexOf("/") + 1), options)) {
    // Mirrors of other kinds hold tarballs of clones, which nobody can tell to be up to date.
    if (!url.startsWith("git://")) continue;
    const repository = repositoryOf(url, source.uri);
    if (options.network === false && repository.includes("://")) {
      isForbidden = true;
      continue;
    }
    const said = await mirror(repository, clone, (percent) => options.onProgress?.(repository, percent));
    if (said !== undefined) reasons.push(`${repository}: ${said}`);
    else if (await isFine()) return;
    else hasAnswered = true;
  }
  if (hasAnswered) return;
  if (isForbidden) throw new BuildError([noNetwork(source.uri, clone)]);
  throw new BuildError([downloadFailed(source.uri, reasons)]);
}

/** Clones, or brings an existing clone up to date. @returns what git said when it failed */
async function mirror(
  repository: string,
  clone: string,
  onProgress: (percent: number) => void,
): Promise<string | undefined> {
  if (await isThere(clone)) {
    const refs = "+refs/*:refs/*";
    const { code, stderr } = await git(
      ["-C", clone, "fetch", "--progress", "--force", "--", repository, refs],
      onProgress,
    );
    return code === 0 ? undefined : lastLines(stderr);
  }
  // Beside the clone, so that it appears whole or not at all.
  const temporary = await mkdtemp(`${clone}.tmp-`);
  try {
    const target = join(temporary, "clone");
    const arguments_ = ["clone", "--progress", "--bare", "--mirror", "--template=", "--", repository, target];
    const { code, stderr } = await git(arguments_, onProgress);
    if (code !== 0) return lastLines(stderr);
    await rename(target, clone);
    return undefined;
  } finally {
    await removeTree(temporary);
  }
}

/** Checks the commit out below `into`, at the entry's `destsuffix`; what was there is replaced. */
export async function unpackGit(source: SourceUri, into: string, options: FetchOptions): Promise<void> {
  const revision = revisionOf(source, options);
  const clone = clonePath(source, options);
  if (!(await hasCommit(clone, revision))) {
    throw new BuildError([
      downloadFailed(source.uri, [`${clone} has no commit ${revision}: do_fetch has not run`]),
    ]);
  }
  const subdir = pathOf(source, "subdir");
  const subpath = pathOf(source, "subpath");
  const otherwise =
    subpath?.split("/").at(-1) ?? (subdir === undefined ? (options.gitDestsuffix ?? "git") : "");
  const target = join(into, subdir ?? "", pathOf(source, "destsuffix") ?? otherwise);
  await removeTree(target);
  await mkdir(dirname(target), { recursive: true });
  const isBare = flagOf(source, "bareclone", false);
  const flags = isBare ? ["--bare", "--mirror"] : ["-n", "-s"];
  await demand(source, "clone", ["clone", "-q", ...flags, "--template=", "--", clone, target]);
  if (isBare || flagOf(source, "nocheckout", false)) return;
  if (subpath === undefined) {
    await demand(source, "check the commit out", ["-C", target, "checkout", "-q", "--detach", revision]);
    return;
  }
  await demand(source, `read ${subpath}`, ["-C", target, "read-tree", `${revision}:${subpath}`]);
  await demand(source, `check ${subpath} out`, ["-C", target, "checkout-index", "-q", "-f", "-a"]);
}

async function demand(source: SourceUri, action: string, args: readonly string[]): Promise<void> {
  const { code, stderr } = await git(args);
  if (code !== 0) throw new BuildError([gitFailed(source.uri, action, lastLines(stderr))]);
}

async function hasCommit(clone: string, revision: string): Promise<boolean> {
  if (!(await isThere(clone))) return false;
  return (await git(["-C", clone, "cat-file", "-e", `${revision}^{commit}`])).code === 0;
}

async function isOn(clone: string, revision: string, branch: string): Promise<boolean> {
  const found = await git(["-C", clone, "branch", "--format=%(refname)", "--contains", revision]);
  return found.code === 0 && words(found.stdout).includes(`refs/heads/${branch}`);
}

/** Runs git; without one on the PATH it ends like a shell that does not find it. */
async function git(args: readonly string[], onProgress?: (percent: number) => void): Promise<RunResult> {
  const env: Record<string, string> = {
    LC_ALL: "C",
    GIT_TERMINAL_PROMPT: "0",
    GIT_ALLOW_PROTOCOL: PROTOCOLS.join(":"),
  };
  for (const [name, value] of Object.entries(process.env)) {
    if (value !== undefined && !FOREIGN_VARIABLES.test(name)) env[name] = value;
  }
  try {
    const onOutput = (text: string): void => {
      const percent = [...text.matchAll(PROGRESS)].at(-1)?.[1];
      if (percent !== undefined) onProgress?.(Number(percent));
    };
    return await run("git", [...SAFE_ARGUMENTS, ...args], { env, onOutput });
  } catch (error) {
    if (!hasCode(error, "ENOENT")) throw error;
    return { code: 127, signal: null, stdout: "", stderr: "there is no program `git` on the PATH" };
  }
}

/** They point git at another repository, as in a hook, or are set above. */
const FOREIGN_VARIABLES =
  /^(GIT_(DIR|WORK_TREE|INDEX_FILE|OBJECT_DIRECTORY|COMMON_DIR|NAMESPACE|ALLOW_PROTOCOL|TERMINAL_PROMPT)|LC_ALL)$/;

/** `Receiving objects:  45% (9/20)` */
const PROGRESS = /: +(\d+)% \(/g;

/** The last that git said, without the lines that tell how far it is. */
function lastLines(text: string): string {
  const lines = text
    .trim()
    .split(/[\r\n]+/)
    .filter((line) => line.search(PROGRESS) === -1 && !/^Cloning into |^remote: (Enumer|Total)/.test(line));
  return lines.slice(-3).join("; ");
}

async function isThere(path: string): Promise<boolean> {
  try {
    return (await stat(path)).isDirectory();
  } catch (error) {
    if (hasCode(error, "ENOENT", "ENOTDIR")) return false;
    throw error;
  }
}
