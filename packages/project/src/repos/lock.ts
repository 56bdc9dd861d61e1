/** Lock files: the commits that branches and tags are at, kept beside the project file that says them. */
import { basename, dirname, extname, relative } from "node:path";
import { readTextIfThere, writeFileAtomic } from "@tsbake/base";
import { parseDocument } from "yaml";
import { lockFileOf } from "../file/includes.js";
import { loadProject, type BringOptions, type LoadedProject, type ProjectOptions } from "../project-file.js";
import { membersAt } from "./repository.js";

/** What became of one repository. */
export interface LockedRepository {
  readonly id: string;
  readonly commit: string;
  /** What was locked before. */
  readonly was?: string;
  /** The lock file, as from the folder of the project file. */
  readonly file: string;
  /** In the lock file of another repository, which is not ours to change, and left as it was. */
  readonly isExternal: boolean;
}

/** Oldest format that knows `overrides`. */
const LOCK_VERSION = 14;

/**
 * Pins every repository that has a branch or a tag and no commit of its own: where a lock file has it already, there, else in
 * that of the project file. Without `updates`, what is locked stays.
 *
 * @returns what was looked at, in the order of `repos`
 * @throws BuildError as `readProjectFile`
 */
export async function lockProject(
  path: string,
  options: ProjectOptions & { readonly bring: BringOptions },
): Promise<LockedRepository[]> {
  const loaded = await loadProject(path, options);
  const top = loaded.project.path;
  const found = new Map<string, LockedRepository>();
  const changes = new Map<string, Map<string, string>>();
  const change = (file: string, id: string, commit: string): void => {
    const own = changes.get(file) ?? new Map<string, string>();
    changes.set(file, own.set(id, commit));
  };
  const floating = floatingIn(loaded);
  for (const { path: file, tree, isExternal } of loaded.files.filter(({ isLock }) => isLock)) {
    for (const [id, value] of membersAt(tree, "overrides", "repos")) {
      const commit = floating.get(id);
      const was = membersAt(tree, "overrides", "repos", id).get("commit")?.data;
      if (commit === undefined || typeof was !== "string" || value.data === null) continue;
      const isOwn = !isExternal || was === commit;
      found.set(id, { id, commit: isOwn ? commit : was, was, file: shown(file, top), isExternal: !isOwn });
      if (isOwn) floating.delete(id);
      if (isOwn && was !== commit) change(file, id, commit);
    }
  }
  const lock = lockFileOf(top);
  for (const [id, commit] of floating) {
    // Whoever brings the lock of another repository answers for it.
    if (found.get(id)?.isExternal) continue;
    found.set(id, { id, commit, file: shown(lock, top), isExternal: false });
    change(lock, id, commit);
  }
  for (const [file, commits] of changes) await writeLock(file, commits);
  return loaded.repositories.flatMap(({ id }) => found.get(id) ?? []);
}

/** Commits of the repositories that nothing pins, by key; those that a lock file pins are in no need of one. */
function floatingIn({ repositories, commits }: LoadedProject): Map<string, string> {
  return new Map(
    repositories.flatMap(({ id, url, commit }) => (url && !commit ? [[id, commits.get(id)!] as const] : [])),
  );
}

function shown(file: string, top: string): string {
  return relative(dirname(top), file) || basename(file);
}

/** What else stands in a lock file, comments too, stays. */
async function writeLock(path: string, commits: ReadonlyMap<string, string>): Promise<void> {
  const isJson = extname(path) === ".json";
  const document = parseDocument((await readTextIfThere(path)) ?? "{}\n");
  if (document.toJS() === null || Object.keys(document.toJS() as object).length === 0)
    document.contents = document.createNode({ header: { version: LOCK_VERSION } }) as never;
  for (const [id, commit] of commits) document.setIn(["overrides", "repos", id, "commit"], commit);
  const text = isJson ? `${JSON.stringify(document.toJS(), undefined, 2)}\n` : document.toString();
  await writeFileAtomic(path, text);
}
