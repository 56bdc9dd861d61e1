/** `repos` of the merged files, with `defaults` and `overrides`: which repositories there are, where, and at what. */
import { join, relative, resolve, sep } from "node:path";
import { byText, redact, type Diagnostic, type Span } from "@tsbake/base";
import * as problem from "../problems.js";
import { DISABLED } from "../file/schema.js";
import { isMembers, yamlText, type Members, type YamlValue } from "../file/tree.js";
import { badReference, urlFault } from "./names.js";
import { signersOf, type Signer } from "./signers.js";

/** A text of a project file, and where it stands. */
export interface Said {
  readonly text: string;
  readonly at: Span;
}

export interface Repository {
  /** Its key in `repos`. */
  readonly id: string;
  /** What layers are sorted by; its key where it has no name of its own. */
  readonly name: string;
  readonly at: Span;
  /** Absolute; undefined: where the project is. */
  readonly folder: string | undefined;
  /** The folder of the file that says `path`: looked at where the other one is not there. */
  readonly nearFile: string;
  /** Undefined: whatever is there is taken. */
  readonly url?: Said;
  /** At least one of these where there is a `url`. */
  readonly commit?: Said;
  readonly branch?: Said;
  readonly tag?: Said;
  /** A branch, tag or commit: which of these, only the repository knows. */
  readonly refspec?: Said;
  /** One of them has to have signed it; undefined: nobody has to. */
  readonly signers?: readonly Signer[];
  readonly layers: readonly RepositoryLayer[];
  /** In the order in which they are applied. */
  readonly patches: readonly RepositoryPatch[];
}

/** A repository with a URL and a folder. */
export type Remote = Repository & { readonly url: Said; readonly folder: string };

export function isRemote(repository: Repository): repository is Remote {
  return repository.url !== undefined && repository.folder !== undefined;
}

export interface RepositoryLayer {
  /** Folder below that of the repository. */
  readonly name: string;
  readonly priority: number;
  readonly at: Span;
}

export interface RepositoryPatch {
  readonly id: string;
  readonly at: Span;
  /** The key of the repository that has it. */
  readonly repo: string;
  /** A patch, or a folder with a `series`. */
  readonly path: string;
}

export interface RepositoriesRequest {
  /** The merged files. */
  readonly tree: YamlValue;
  /** Where relative paths start. */
  readonly workFolder: string;
  /** A commit that one of them pins is told from one that people write. */
  readonly lockFiles: ReadonlySet<string>;
  readonly mirrorOf: (url: string) => string;
  readonly problems: Diagnostic[];
  readonly warnings: Diagnostic[];
}

/**
 * In the order of the files. What is wrong is added to `problems`.
 *
 * @param only those that are wanted. Default: all
 */
export function repositoriesOf(request: RepositoriesRequest, only?: ReadonlySet<string>): Repository[] {
  const { tree, warnings } = request;
  const repos = membersAt(tree, "repos");
  const overrides = membersAt(tree, "overrides", "repos");
  for (const [id, { keyAt }] of overrides)
    if (!repos.has(id)) warnings.push(problem.unusedOverride(id, [...repos.keys()], keyAt));
  const wanted = [...repos].filter(([id]) => only?.has(id) ?? true);
  const found = wanted.flatMap(([id, value]) => repositoryOf(id, value, overrides.get(id), request) ?? []);
  // Whose keys are needed is there first.
  const keepers = new Set(found.flatMap(({ signers }) => signers ?? []).map(({ repo }) => repo));
  const unread = [...keepers].filter((id) => only && repos.has(id) && !only.has(id));
  if (only && unread.length > 0) return repositoriesOf(request, new Set([...only, ...unread]));
  const owners = new Map<string, Repository>();
  for (const repository of found.filter(({ url }) => url !== undefined)) {
    const other = owners.get(repository.folder!);
    owners.set(repository.folder!, repository);
    if (other) request.problems.push(problem.sameFolder(repository, other, repository.folder!));
  }
  return found;
}

function repositoryOf(
  id: string,
  value: YamlValue,
  override: YamlValue | undefined,
  { tree, workFolder, lockFiles, mirrorOf, problems, warnings }: RepositoriesRequest,
): Repository | undefined {
  const own = membersOf(value);
  const defaults = membersAt(tree, "defaults", "repos");
  const over = override ? membersOf(override) : new Map<string, YamlValue>();
  const said = (key: string, ...places: Members[]): Said | undefined => {
    const found = places.map((place) => place.get(key)).find((one) => one !== undefined);
    return typeof found?.data === "string" ? { text: found.data, at: found.at } : undefined;
  };
  const name = said("name", own)?.text ?? id;
  const before = problems.length;
  const given = { commit: said("commit", own), branch: said("branch", own), tag: said("tag", own) };
  const written = said("url", over, own);
  const url = written && { ...written, text: mirrorOf(written.text) };
  const old = said("refspec", own, defaults);
  const others = [given.commit, said("branch", own, defaults), said("tag", own, defaults)];
  const beside = old && others.find((one) => one !== undefined);
  if (old && beside) problems.push(problem.refspecBeside(id, old.at, beside.at));
  else if (old && url) warnings.push(problem.deprecatedRefspec(id, old.at));
  const refspec = readRefspec(old);
  const commit = said("commit", over, own) ?? refspec.commit;
  const branch = said("branch", over, own, defaults) ?? refspec.branch;
  const tag = wholeTag(said("tag", own, defaults)) ?? refspec.tag;
  const either = commit || branch ? undefined : refspec.either;
  const path = said("path", own);
  const signers = signersOf(id, own, membersAt(tree, "signers"), { problems, warnings });
  if (!url) {
    // One that takes the `url` of an included file away wants the folder as it is.
    // A signed tag is verified all the same: what is there has to be it.
    const localTag = signers ? undefined : given.tag;
    const unused = own.has("url") ? undefined : (given.commit ?? given.branch ?? localTag ?? old);
    if (unused) problems.push(problem.revisionWithoutUrl(id, unused.at));
    if (own.has("patches") && membersOf(own.get("patches")!).size > 0 && !own.has("url"))
      problems.push(problem.patchesWithoutUrl(id, own.get("patches")!.keyAt));
  } else {
    const fault = urlFault(url.text);
    if (fault !== undefined) problems.push(problem.badUrl(redact(url.text), fault, url.at));
    for (const one of [branch, tag, either])
      if (one && badReference(one.text))
        problems.push(problem.badRevision(one.text, "branch or tag", one.at));
    if (commit && !/^[0-9a-f]{7,64}$/.test(commit.text))
      problems.push(problem.badRevision(commit.text, "commit", commit.at));
    if (!commit && !branch && !tag && !either) problems.push(problem.noRevision(id, value.keyAt));
    if (branch && tag) problems.push(problem.branchAndTag(id, branch.at, tag.at));
    const pinned = over.get("commit");
    const isLocked = commit && pinned && lockFiles.has(pinned.at.source.path);
    if (isLocked && given.commit && !isSameCommit(given.commit.text, commit.text))
      problems.push(problem.lockContradicts(id, given.commit, commit));
  }
  const folder = path || url ? resolve(workFolder, path?.text ?? name) : undefined;
  if (url && folder !== undefined && !isBelow(folder, workFolder))
    problems.push(problem.pathOutside(id, folder, workFolder, path?.at ?? value.keyAt));
  const layers = layersOf(own.get("layers"), value.keyAt);
  const patches = patchesOf(
    id,
    own.get("patches"),
    said("repo", membersAt(tree, "defaults", "repos", "patches")),
    problems,
  );
  if (problems.length > before) return undefined;
  return {
    id,
    name,
    at: value.keyAt,
    folder,
    nearFile: resolve((path?.at ?? value.keyAt).source.path, "..", path?.text ?? "."),
    ...(url && { url: atFolder(url, workFolder) }),
    ...(url && commit && { commit }),
    ...(url && branch && { branch }),
    ...((url ?? signers) && tag && { tag }),
    ...(url && either && { refspec: either }),
    ...(signers && { signers }),
    layers,
    patches: url ? patches : [],
  };
}

/** A tag by its own name: it may be written as a whole reference. */
function wholeTag(tag: Said | undefined): Said | undefined {
  return tag && { ...tag, text: tag.text.replace(/^(refs\/)?tags\//, "") };
}

/** What kas had before `commit`, `branch` and `tag`. */
function readRefspec(refspec: Said | undefined): {
  readonly commit?: Said;
  readonly branch?: Said;
  readonly tag?: Said;
  readonly either?: Said;
} {
  if (!refspec) return {};
  const { text } = refspec;
  if (/^([0-9a-f]{40}|[0-9a-f]{64})$/.test(text)) return { commit: refspec };
  if (/^(refs\/)?tags\//.test(text)) return { tag: wholeTag(refspec)! };
  return text.startsWith("refs/") ? { branch: refspec } : { either: refspec };
}

/** A URL that is a path starts where other paths do. */
function atFolder(url: Said, workFolder: string): Said {
  return /^\.{1,2}\//.test(url.text) ? { ...url, text: resolve(workFolder, url.text) } : url;
}

function isSameCommit(one: string, other: string): boolean {
  return one.startsWith(other) || other.startsWith(one);
}

/** A folder of its own below the work folder, and no part of a repository's own data. */
function isBelow(folder: string, workFolder: string): boolean {
  const way = relative(workFolder, folder).split(sep);
  return way[0] !== "" && way[0] !== ".." && !way.includes(".git");
}

/** Without `layers` the repository itself is one. */
function layersOf(layers: YamlValue | undefined, at: Span): RepositoryLayer[] {
  if (!layers || layers.data === null) return [{ name: "", priority: 0, at }];
  return [...membersOf(layers)].flatMap(([name, value]) => {
    if (isDisabled(value)) return [];
    const priority = membersOf(value).get("prio")?.data;
    return [{ name, priority: typeof priority === "number" ? priority : 0, at: value.keyAt }];
  });
}

function isDisabled({ data }: YamlValue): boolean {
  return DISABLED.some((word) => word === data);
}

function patchesOf(
  id: string,
  patches: YamlValue | undefined,
  usual: Said | undefined,
  problems: Diagnostic[],
): RepositoryPatch[] {
  const members = patches ? membersOf(patches) : new Map<string, YamlValue>();
  return [...members.keys()].sort(byText).flatMap((name) => {
    const value = members.get(name)!;
    if (value.data === null) return [];
    const from = yamlText(membersOf(value).get("repo")) ?? usual?.text;
    if (from === undefined) {
      problems.push(problem.patchWithoutRepo(id, name, value.keyAt));
      return [];
    }
    return [{ id: name, at: value.keyAt, repo: from, path: yamlText(membersOf(value).get("path"))! }];
  });
}

/** All layers that count, in the order of BBLAYERS: higher priorities first, then by repository and name. */
export function sortedLayers(
  repositories: readonly Repository[],
): { readonly repository: Repository; readonly layer: RepositoryLayer }[] {
  const all = repositories.flatMap((repository) => repository.layers.map((layer) => ({ repository, layer })));
  return all.sort(
    (left, right) =>
      right.layer.priority - left.layer.priority ||
      byText(left.repository.name, right.repository.name) ||
      byText(left.layer.name, right.layer.name),
  );
}

/** What is there at a path of keys; nothing where there is none. */
export function membersAt(tree: YamlValue, ...path: readonly string[]): Members {
  let at: YamlValue | undefined = tree;
  for (const key of path) at = at && membersOf(at).get(key);
  return at ? membersOf(at) : new Map<string, YamlValue>();
}

function membersOf(value: YamlValue): Members {
  return isMembers(value.data) ? value.data : new Map<string, YamlValue>();
}

/** The folder of a layer. */
export function layerFolder(repositoryFolder: string, layer: RepositoryLayer): string {
  return resolve(join(repositoryFolder, layer.name));
}
