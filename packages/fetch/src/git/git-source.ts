/** What an entry `git://` means: the repository, the commit, and the names of what DL_DIR holds of it, which are BitBake's. */
import { join } from "node:path";
import { BuildError, decodeUrl, GIT_PROTOCOLS, quoted } from "@tsbake/base";
import type { FetchOptions } from "../settings/options.js";
import { badSetting, missingRevision } from "../problems.js";
import { fail, flagOf, fileNameOf, pathOf, type SourceUri } from "../source/source-uri.js";

export interface GitSource {
  readonly source: SourceUri;
  readonly revision: string;
  /** Undefined for `nobranch=1`: the commit may be anywhere. */
  readonly branch: string | undefined;
  readonly tag: string | undefined;
  readonly isBare: boolean;
  /** The bare clone. */
  readonly clone: string;
  /** Its archive in DL_DIR. */
  readonly tarball: string;
  readonly keepsTarball: boolean;
  readonly shallow: Shallow | undefined;
}

/** A clone without history, which exists as an archive only. */
export interface Shallow {
  readonly tarball: string;
  readonly keepsTarball: boolean;
  readonly depth: number;
  readonly excludes: readonly string[];
  readonly refs: readonly string[];
}

/** @throws BuildError `fetch/missing-revision`, `fetch/bad-uri`, `fetch/bad-setting` */
export function gitSource(source: SourceUri, options: FetchOptions): GitSource {
  const revision = revisionOf(source, options);
  const branch = branchOf(source);
  // Whatever is wrong with the entry is said even when the commit is there already.
  repositoryOf(source.uri, source.uri);
  for (const name of ["subpath", "destsuffix"]) pathOf(source, name);
  const isRebaseable = flagOf(source, "rebaseable", false);
  const clone = clonePath(source, options, isRebaseable ? revision : undefined);
  const name = clone.slice(clone.lastIndexOf("/") + 1);
  const tag = source.parameters["tag"];
  const isBare = flagOf(source, "bareclone", false);
  return {
    source,
    revision,
    branch,
    tag,
    isBare,
    clone,
    tarball: join(options.dlDir, `git2_${name}.tar.gz`),
    keepsTarball: options.mirrorTarballs === true || isRebaseable,
    shallow: options.gitShallow
      ? shallowOf({ name, revision, branch, tag, isBare, source }, options)
      : undefined,
  };
}

/** Where the bare clone of an entry is, or will be: named as BitBake names it. */
export function clonePath(
  source: SourceUri,
  options: Pick<FetchOptions, "dlDir" | "gitDir">,
  revision?: string,
): string {
  const name = `${source.host.replaceAll(":", ".")}${source.path.replace(/[/*]/g, ".").replace(/[ ()]/g, "_")}`;
  const whole = `${name.replace(/^\./, "")}${revision === undefined ? "" : `_${revision}`}`;
  return join(options.gitDir ?? join(options.dlDir, "git2"), whole);
}

function shallowOf(
  git: Pick<GitSource, "revision" | "branch" | "tag" | "isBare" | "source"> & { name: string },
  options: FetchOptions,
): Shallow | undefined {
  const entry = fileNameOf(git.source);
  const depth = options.shallowDepths?.[entry] ?? options.shallowDepths?.[""] ?? 1;
  const excludes = options.shallowExcludes?.[entry] ?? options.shallowExcludes?.[""] ?? [];
  if (depth === 0 && excludes.length === 0) return undefined;
  if (depth !== 0 && excludes.length > 0) {
    throw new BuildError([
      badSetting("BB_GIT_SHALLOW_DEPTH", String(depth), "0 where BB_GIT_SHALLOW_REVS is set"),
    ]);
  }
  const refs = [...(options.shallowRefs ?? []), ...(git.tag === undefined ? [] : [`refs/tags/${git.tag}`])];
  const shown = [
    ...(git.branch === undefined ? [] : [git.branch]),
    ...refs.map((ref) => ref.replaceAll("refs/heads/", "").replaceAll("*", "ALL")),
  ];
  const words = [
    `gitshallow_${git.name}`,
    ...(git.isBare ? ["bare"] : []),
    ...(excludes.length > 0 ? [[...excludes].sort().join("_")] : []),
    `${git.revision.slice(0, 7)}${depth === 0 ? "" : `-${depth}`}`,
    ...(shown.length > 0 ? [shown.sort().join("_").replaceAll("/", ".")] : []),
  ];
  return {
    tarball: join(options.dlDir, `${words.join("_")}.tar.gz`),
    keepsTarball: options.shallowTarballs ?? options.mirrorTarballs ?? false,
    depth,
    excludes,
    refs,
  };
}

/** The commit that the recipe pins. @throws BuildError `fetch/missing-revision` */
function revisionOf(source: SourceUri, options: FetchOptions): string {
  const name = fileNameOf(source);
  const own = source.parameters["rev"];
  const given = options.revisions?.[name] ?? options.revisions?.["default"];
  const found = own ?? (given === "INVALID" ? undefined : given);
  if (found === undefined || !/^([0-9a-f]{40}|[0-9a-f]{64})$/.test(found)) {
    // A branch or a tag was made a commit by the metadata (`bb.fetch2.revision_words`).
    const resolved = options.revisions?.[name];
    if (resolved !== undefined && /^([0-9a-f]{40}|[0-9a-f]{64})$/.test(resolved)) return resolved;
    throw new BuildError([missingRevision(source.uri, name, found === "" ? undefined : found)]);
  }
  if (own !== undefined && given !== undefined && /^[0-9a-f]{40,64}$/.test(given) && own !== given) {
    if (options.revisions?.[name] !== undefined)
      fail(source.uri, `SRCREV says ${given}, and the entry \`rev=${own}\``);
  }
  return found;
}

function branchOf(source: SourceUri): string | undefined {
  const usesHead = flagOf(source, "usehead", false);
  if (usesHead && !isLocal(source)) fail(source.uri, "`usehead=1` is for repositories of this machine");
  if (usesHead || flagOf(source, "nobranch", false)) return undefined;
  const branch = source.parameters["branch"];
  if (branch === undefined || branch === "") fail(source.uri, "it says neither `branch=…` nor `nobranch=1`");
  if (branch.startsWith("-")) fail(source.uri, `\`${branch}\` is no branch`);
  return branch;
}

function isLocal(source: SourceUri): boolean {
  return (source.parameters["protocol"] ?? (source.host === "" ? "file" : "git")) === "file";
}

/** What git is to be called with for a URL of ours. @throws BuildError `fetch/bad-uri` */
export function repositoryOf(url: string, uri: string): string {
  const parts = decodeUrl(url);
  if (!parts) return fail(uri, `${url} is no URL`);
  const { host, path, user, password, parameters } = parts;
  const protocol = parameters["protocol"] ?? (host === "" ? "file" : "git");
  if (!GIT_PROTOCOLS.includes(protocol)) fail(uri, `git has no protocol \`${protocol}\` here`);
  if (protocol === "file") return path;
  const name = user || (parameters["user"] ?? "");
  const login = name === "" ? "" : `${name}${password === "" ? "" : `:${password}`}@`;
  return `${protocol}://${login}${host}${quoted(path)}`;
}
