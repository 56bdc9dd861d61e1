/** Project files with those that they include and their lock files: one tree of what they say together. */
import { existsSync, realpathSync, statSync } from "node:fs";
import { readFile } from "node:fs/promises";
import { basename, dirname, extname, isAbsolute, join, relative, resolve } from "node:path";
import { BuildError, hasCode, readTextIfThere, reasonOf, type Diagnostic, type Span } from "@tsbake/base";
import * as problem from "../problems.js";
import { checkValue } from "./check.js";
import { PROJECT } from "./schema.js";
import { isList, isMembers, mergeTrees, readTree, yamlText, type YamlValue } from "./tree.js";

export interface ReadFile {
  /** Absolute. */
  readonly path: string;
  readonly isLock: boolean;
  /** Of another repository than the project's. */
  readonly isExternal: boolean;
  readonly tree: YamlValue;
}

export interface ReadProject {
  /** In the order they count: later over earlier. */
  readonly files: readonly ReadFile[];
  /** What they say together; without lock files where these do not count. */
  readonly tree: YamlValue;
  /** Repositories whose files are included and whose folders nobody has said yet, each with an include that needs it. */
  readonly missing: ReadonlyMap<string, Span>;
}

export interface ReadRequest {
  /** Absolute, of one repository. */
  readonly files: readonly string[];
  /** Folders of the repositories that are there, by name. */
  readonly folders: ReadonlyMap<string, string>;
  /** Whether lock files count. */
  readonly usesLocks: boolean;
}

/** Where a file stands: what it includes is looked for from `root`. */
interface Place {
  readonly path: string;
  readonly root: string;
  readonly isExternal: boolean;
}

/** @throws BuildError with all that is wrong with the files */
export async function readFiles({ files, folders, usesLocks }: ReadRequest): Promise<ReadProject> {
  const [first] = files;
  const top = repositoryRoot(dirname(first!)) ?? dirname(first!);
  const stranger = files.find((file) => repositoryRoot(dirname(file)) !== repositoryRoot(dirname(first!)));
  if (stranger !== undefined) throw new BuildError([problem.filesApart(first!, stranger)]);
  const reader = new FilesReader(top, folders);
  for (const path of files) {
    await reader.read({ path, root: top, isExternal: false }, await demandText(path), []);
  }
  if (reader.problems.length > 0) throw new BuildError(reader.problems);
  const counted = reader.files.filter(({ isLock }) => usesLocks || !isLock);
  const tree = counted.map((file) => file.tree).reduce(mergeTrees);
  return { files: reader.files, tree, missing: reader.missing };
}

/** The lock file of a project file, which need not be there: `kas.lock.yml` beside `kas.yml`. */
export function lockFileOf(path: string): string {
  const ending = extname(path);
  return join(dirname(path), `${basename(path, ending)}.lock${ending}`);
}

/** Of the git repository that a folder is in, of the outer one in a submodule; undefined outside of any. */
export function repositoryRoot(folder: string): string | undefined {
  for (let at = folder; ; at = dirname(at)) {
    const found = statSync(join(at, ".git"), { throwIfNoEntry: false });
    if (found) {
      const outer = found.isFile() && dirname(at) !== at ? repositoryRoot(dirname(at)) : undefined;
      return outer ?? at;
    }
    if (at === dirname(at)) return undefined;
  }
}

/** Whether `path` is `folder` or below it, links followed as far as they are there. */
export function isInside(path: string, folder: string): boolean {
  const way = relative(realPath(folder), realPath(path));
  return way === "" || (way !== ".." && !way.startsWith("../") && !isAbsolute(way));
}

function realPath(path: string): string {
  if (existsSync(path)) return realpathSync(path);
  return path === dirname(path) ? path : join(realPath(dirname(path)), basename(path));
}

async function demandText(path: string): Promise<string> {
  try {
    return await readFile(path, "utf8");
  } catch (error) {
    const reason = hasCode(error, "ENOENT", "ENOTDIR") ? "it does not exist" : reasonOf(error);
    throw new BuildError([problem.unreadableProject(path, reason)], { cause: error });
  }
}

class FilesReader {
  readonly files: ReadFile[] = [];
  readonly missing = new Map<string, Span>();
  readonly problems: Diagnostic[] = [];
  readonly #top: string;
  readonly #folders: ReadonlyMap<string, string>;

  constructor(top: string, folders: ReadonlyMap<string, string>) {
    this.#top = top;
    this.#folders = folders;
  }

  /** @param above files that are being read: the way from the project file to this one */
  async read(place: Place, text: string, above: readonly string[], isLock = false): Promise<void> {
    const { path, isExternal } = place;
    const tree = readTree(path, text, this.problems);
    if (!tree) return;
    const before = this.problems.length;
    checkValue(tree, PROJECT, this.problems);
    const way = [...above, path];
    const lock = lockFileOf(path);
    const locked = isLock ? undefined : await readTextIfThere(lock);
    if (locked !== undefined) await this.read({ ...place, path: lock }, locked, way, true);
    // What is no list of includes is none.
    if (before === this.problems.length) {
      for (const include of includesOf(tree)) await this.#include(include, place, way);
    }
    this.files.push({ path, isLock, isExternal, tree });
  }

  async #include(include: YamlValue, place: Place, above: readonly string[]): Promise<void> {
    const found = isMembers(include.data)
      ? this.#inRepository(include.data, include.at)
      : this.#near(yamlText(include)!, place, include.at);
    if (!found) return;
    const { path } = found;
    if (above.includes(path)) {
      this.problems.push(problem.includeLoop(path, include.at));
      return;
    }
    const isFile = statSync(path, { throwIfNoEntry: false })?.isFile() ?? false;
    const text = isFile ? await readTextIfThere(path) : undefined;
    if (text === undefined) this.problems.push(problem.includeMissing(path, include.at));
    else await this.read(found, text, above);
  }

  /** From the root of its repository; else, as kas does, from the folder of the file itself. */
  #near(name: string, { path, root, isExternal }: Place, at: Span): Place | undefined {
    const candidates = [resolve(root, name), resolve(dirname(path), name)];
    const inside = candidates.filter((one) => isInside(one, root));
    const found = inside.find((one) => existsSync(one)) ?? inside[0];
    // One that leads out from both folders is meant to.
    if (found === undefined) this.problems.push(problem.includeOutside(candidates[1]!, root, at));
    return found === undefined ? undefined : { path: found, root, isExternal };
  }

  #inRepository(members: ReadonlyMap<string, YamlValue>, at: Span): Place | undefined {
    const [repository, file] = ["repo", "file"].map((key) => yamlText(members.get(key))!);
    const root = this.#folders.get(repository!);
    if (root === undefined) {
      if (!this.missing.has(repository!)) this.missing.set(repository!, at);
      return undefined;
    }
    const path = resolve(root, file!);
    if (isInside(path, root)) return { path, root, isExternal: root !== this.#top };
    this.problems.push(problem.includeOutside(path, root, at));
    return undefined;
  }
}

function includesOf(tree: YamlValue): readonly YamlValue[] {
  const header = isMembers(tree.data) ? tree.data.get("header")?.data : undefined;
  const includes = isMembers(header ?? null)
    ? (header as ReadonlyMap<string, YamlValue>).get("includes")
    : undefined;
  return includes && isList(includes.data) ? includes.data : [];
}
