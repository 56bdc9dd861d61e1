/** Archives of repositories in DL_DIR, for mirrors: of the whole bare clone, and of one without history. */
import { rm } from "node:fs/promises";
import { dirname, join } from "node:path";
import {
  BuildError,
  git,
  gitReason,
  messageOf,
  redact,
  removeTree,
  run,
  words,
  scratchFolder,
} from "@tsbake/base";
import { repositoryOf, type GitSource, type Shallow } from "./git-source.js";
import type { FetchOptions } from "../settings/options.js";
import { prepareFile, settle } from "../download/part-file.js";
import { gitFailed } from "../problems.js";

/** `git2_….tar.gz`: its bytes depend on the repository, not on who made it or when. */
export async function makeTarball(
  { source, clone, tarball }: GitSource,
  options: FetchOptions,
): Promise<void> {
  const last = await git(["-C", clone, "log", "--all", "-1", "--format=%ct"]);
  const fault =
    last.code === 0
      ? await pack(clone, tarball, last.stdout.trim() || "0", options.dlDir)
      : gitReason(last.stderr);
  if (fault !== undefined) throw new BuildError([gitFailed(source.uri, `be archived as ${tarball}`, fault)]);
}

async function pack(
  folder: string,
  path: string,
  seconds: string,
  dlDir: string,
): Promise<string | undefined> {
  const part = `${path}.part`;
  await rm(part, { force: true });
  await prepareFile(part, dlDir);
  try {
    const fixed = ["--sort=name", "--format=gnu", "--owner=oe:0", "--group=oe:0", `--mtime=@${seconds}`];
    const { code, stderr } = await run("tar", ["-czf", part, ...fixed, "-C", folder, "."], {
      env: { ...(process.env as Record<string, string>), GZIP: "-n" },
      mayFail: true,
    });
    if (code !== 0) return gitReason(stderr);
    await settle(part, path);
    return undefined;
  } finally {
    await rm(part, { force: true });
  }
}

/** `gitshallow_….tar.gz` from a repository or from the clone. @returns what is wrong */
export async function makeShallow(
  wanted: GitSource,
  from: string,
  shallow: Shallow,
): Promise<string | undefined> {
  const folder = await scratchFolder(join(dirname(shallow.tarball), "git-shallow.tmp-"));
  const inside = (...args: string[]): Promise<string> => step(["-C", folder, ...args]);
  try {
    const { revision, branch, isBare, source } = wanted;
    await inside("init", "-q", "--template=", ...(isBare ? ["--bare"] : []));
    await inside("remote", "add", "--", "origin", from);
    const limits = shallow.depth > 0 ? ["--depth", String(shallow.depth)] : [];
    const excluded = shallow.excludes.map((one) => `--shallow-exclude=${one}`);
    await inside("fetch", "-q", ...limits, ...excluded, "--", "origin", revision);
    await inside("update-ref", referenceOf(wanted, branch), revision);
    for (const ref of await extraRefs(wanted, shallow, inside)) {
      const there = ref.replace(/^refs\/remotes\/origin\//, "refs/heads/");
      await inside("fetch", "-q", "--depth", "1", "--", "origin", there);
      await inside("update-ref", ref, (await inside("rev-parse", "FETCH_HEAD")).trim());
    }
    await inside("remote", "set-url", "origin", redact(repositoryOf(source.uri, source.uri)));
    return await pack(folder, shallow.tarball, "0", dirname(shallow.tarball));
  } catch (error) {
    return messageOf(error);
  } finally {
    await removeTree(folder);
  }
}

/** What holds the commit, so that it is not taken for garbage. */
function referenceOf({ isBare, source }: GitSource, branch: string | undefined): string {
  if (branch === undefined) return `refs/shallow/${source.parameters["name"] ?? "default"}`;
  return isBare ? `refs/heads/${branch}` : `refs/remotes/origin/${branch}`;
}

async function extraRefs(
  { isBare }: GitSource,
  { refs }: Shallow,
  inside: (...args: string[]) => Promise<string>,
): Promise<string[]> {
  if (refs.length === 0) return [];
  const there = (await inside("ls-remote", "origin", "refs/*"))
    .split("\n")
    .map((line) => words(line).at(-1) ?? "");
  const kept = isBare ? refs : refs.map((ref) => ref.replace("refs/heads/", "refs/remotes/origin/"));
  return kept.flatMap((ref) => {
    if (!ref.includes("*")) return [ref];
    const pattern = new RegExp(`^${ref.replace(/[.+?^${}()|[\]\\]/g, "\\$&").replaceAll("*", ".*")}$`, "s");
    return there.filter((one) => pattern.test(one));
  });
}

async function step(args: readonly string[]): Promise<string> {
  const { code, stdout, stderr } = await git(args);
  if (code !== 0) throw new Error(gitReason(stderr));
  return stdout;
}
