/** A checkout of one commit in the work folder, from the clone in DL_DIR or from an archive without history. */
import { mkdir, rm, writeFile } from "node:fs/promises";
import { dirname, join } from "node:path";
import { unpackTar } from "@tsbake/archive";
import { BuildError, git, redact, removeTree, sizeIfThere } from "@tsbake/base";
import { isFine, refuseLfs, tagged } from "./git-fetch.js";
import { demandGit } from "./git-program.js";
import { gitSource, repositoryOf, type GitSource } from "./git-source.js";
import type { FetchOptions } from "../settings/options.js";
import { downloadFailed, wrongTag } from "../problems.js";
import { demandInside, targetOf } from "../source/unpack.js";
import { flagOf, pathOf, type SourceUri } from "../source/source-uri.js";

/** Checks the commit out below `into`, at the entry's `destsuffix`; what was there is replaced. */
export async function unpackGit(source: SourceUri, into: string, options: FetchOptions): Promise<void> {
  const wanted = gitSource(source, options);
  const target = await folderOf(wanted, into, options);
  await removeTree(target);
  await mkdir(dirname(target), { recursive: true });
  const origin = redact(repositoryOf(source.uri, source.uri));
  if (await isFine(wanted)) {
    const shared = options.gitShared === false ? [] : ["-s"];
    const flags = wanted.isBare ? ["--bare", "--mirror"] : ["-n", ...shared];
    await demandGit(source, "clone", ["clone", "-q", ...flags, "--template=", "--", wanted.clone, target]);
    await demandGit(source, "set its origin", ["-C", target, "remote", "set-url", "origin", origin]);
  } else if (wanted.shallow && (await sizeIfThere(wanted.shallow.tarball)) > 0) {
    await unpackTar(wanted.shallow.tarball, target, { owner: "self" });
    await replaceConfiguration(wanted, target, origin);
  } else {
    const places = [wanted.clone, ...(wanted.shallow ? [wanted.shallow.tarball] : [])];
    const reason = `no up to date source found: ${places.join(" and ")} do not have ${wanted.revision}; do_fetch has to run`;
    throw new BuildError([downloadFailed(source.uri, [reason])]);
  }
  // As in BitBake: people fetch from it later, in work folders that they change.
  await demandGit(source, "name DL_DIR", ["-C", target, "remote", "add", "dldir", `file://${wanted.clone}`]);
  await checkTag(wanted, target);
  if (wanted.isBare || flagOf(source, "nocheckout", false)) return;
  await refuseLfs(wanted, target);
  await checkOut(wanted, target);
}

/** @throws BuildError `fetch/bad-uri` when `subdir`, or a link that another source has brought, leads out */
async function folderOf({ source }: GitSource, into: string, options: FetchOptions): Promise<string> {
  const hasSubdir = source.parameters["subdir"] !== undefined;
  const base = await targetOf(source, into);
  const subpath = pathOf(source, "subpath");
  const otherwise = subpath?.split("/").at(-1) ?? (hasSubdir ? "" : (options.gitDestsuffix ?? "git"));
  const target = join(base, pathOf(source, "destsuffix") ?? (hasSubdir ? "" : otherwise));
  await demandInside(source, into, target, "its destsuffix");
  return target;
}

/** An archive may come from a mirror, and a configuration can name programs. */
async function replaceConfiguration(wanted: GitSource, target: string, origin: string): Promise<void> {
  const folder = wanted.isBare ? target : join(target, ".git");
  await rm(join(folder, "hooks"), { recursive: true, force: true });
  await rm(join(folder, "objects/info/alternates"), { force: true });
  const isLong = wanted.revision.length === 64;
  const lines = [
    "[core]",
    `\trepositoryformatversion = ${isLong ? 1 : 0}`,
    `\tbare = ${wanted.isBare}`,
    ...(isLong ? ["[extensions]", "\tobjectformat = sha256"] : []),
    '[remote "origin"]',
    `\turl = ${JSON.stringify(origin)}`,
    "\tfetch = +refs/heads/*:refs/remotes/origin/*",
  ];
  await writeFile(join(folder, "config"), `${lines.join("\n")}\n`);
}

async function checkTag({ source, tag, revision }: GitSource, target: string): Promise<void> {
  if (tag === undefined) return;
  const found = await tagged(target, tag);
  const pinned = await git(["-C", target, "rev-parse", "-q", "--verify", `${revision}^{commit}`]);
  if (found !== pinned.stdout.trim()) throw new BuildError([wrongTag(source.uri, tag, found, revision)]);
}

async function checkOut({ source, revision, branch }: GitSource, target: string): Promise<void> {
  const subpath = pathOf(source, "subpath");
  const inside = (action: string, ...args: string[]): Promise<string> =>
    demandGit(source, action, ["-C", target, ...args]);
  if (subpath !== undefined) {
    await inside(`read ${subpath}`, "read-tree", `${revision}:${subpath}`);
    await inside(`check ${subpath} out`, "checkout-index", "-q", "-f", "-a");
    await inside("set HEAD", "update-ref", "--no-deref", "HEAD", revision);
    if (branch !== undefined) await inside("set the branch", "update-ref", `refs/heads/${branch}`, revision);
  } else if (branch === undefined) {
    await inside("check the commit out", "checkout", "-q", "--detach", revision);
  } else {
    await inside("check the commit out", "checkout", "-q", "-B", branch, revision);
    await inside("set the branch", "branch", "-q", branch, "--set-upstream-to", `origin/${branch}`);
  }
}
