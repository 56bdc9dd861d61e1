/**
 * Paths that several packages of one tree bring. Unpacked side by side, chance would decide whose is there, so here what
 * decides for dpkg does: a diversion, then Replaces. Where neither does, and the contents differ, the tree is refused.
 */
import { chmod, lstat, mkdir, rename, rm } from "node:fs/promises";
import { dirname, join } from "node:path";
import { BuildError, fsPath, ifThere, sameEntry } from "@tsbake/base";
import { insideRoot } from "@tsbake/sandbox";
import { readControl } from "../contents/index.js";
import { followed, sharedPaths, type Brought, type ListedEntry, type SharedPath } from "../layout/index.js";
import { diversionsOf } from "../deb/scripts/diversions.js";
import { parseRelations, parseStanzas } from "../deb/stanza.js";
import { meets } from "../deb/version.js";
import { feedClash } from "../problems.js";

/** A package, and what its tar has put into the tree. */
export interface Unpacked extends Brought {
  readonly name: string;
  readonly version: string;
  /** Of the package file. */
  readonly path: string;
}

export interface SharedTree {
  readonly into: string;
  /** Folders at the root that are links into /usr. */
  readonly merged: readonly string[];
  /** For what is needed for a while. */
  readonly scratch: string;
  /** Unpacks a package once more. */
  readonly extract: (one: Unpacked, into: string) => Promise<void>;
}

/** What is a folder in one package and something else in another one can be told by nobody. */
export function folderClash(
  packages: readonly Unpacked[],
  merged: readonly string[],
): BuildError | undefined {
  return folderClashIn(sharedPaths(packages, merged));
}

function folderClashIn(shared: ReadonlyMap<string, SharedPath<Unpacked>>): BuildError | undefined {
  for (const [path, { files, folders }] of shared) {
    const [file] = files;
    const folder = folders.find((one) => one !== file);
    if (file && folder) return new BuildError([feedClash(path, file.name, folder.name)]);
  }
  return undefined;
}

/**
 * Makes the tree what the packages make when they are unpacked one after the other in the right order.
 *
 * @throws BuildError `packaging/feed-clash`, `packaging/bad-deb`, and what `extract` throws
 */
export async function settleShared(packages: readonly Unpacked[], tree: SharedTree): Promise<void> {
  const several = sharedPaths(packages, tree.merged);
  const problem = folderClashIn(several);
  if (problem) throw problem;
  const shared = [...several].flatMap(([path, { files }]) => {
    const owners = [...new Set(files)];
    return owners.length > 1 ? [{ path, owners }] : [];
  });
  if (shared.length > 0) await unpackInOrder(packages, shared, tree);
  await widenFolders(packages, tree.into);
}

async function unpackInOrder(
  packages: readonly Unpacked[],
  shared: readonly { readonly path: string; readonly owners: readonly Unpacked[] }[],
  tree: SharedTree,
): Promise<void> {
  const involved = new Set(shared.flatMap(({ owners }) => owners));
  const rules = new Map<Unpacked, Rules>();
  for (const one of packages) if (involved.has(one)) rules.set(one, await rulesOf(one, tree.merged));
  const before = new Map<Unpacked, Set<Unpacked>>([...rules.keys()].map((one) => [one, new Set()]));
  const alone = new Map<Unpacked, string>();
  for (const { path, owners } of shared) {
    for (const [at, one] of owners.entries()) {
      for (const other of owners.slice(at + 1)) {
        const last = lastOf(path, one, other, rules);
        if (last) before.get(last)?.add(last === one ? other : one);
        else if (!(await isSame(path, one, other, alone, tree)))
          throw new BuildError([feedClash(path, one.name, other.name)]);
      }
    }
  }
  await rm(join(tree.scratch, "alone"), { recursive: true, force: true });
  const inside = insideRoot(tree.into);
  for (const one of ordered(before)) {
    for (const [from, to] of rules.get(one)?.diversions ?? []) {
      if (!shared.some(({ path, owners }) => path === from && owners.includes(one))) continue;
      const [source, target] = [await inside.place(from), await inside.place(to)];
      if (!(await ifThere(lstat(fsPath(source))))) continue;
      await mkdir(fsPath(dirname(target)), { recursive: true });
      await rename(fsPath(source), fsPath(target));
    }
    await tree.extract(one, tree.into);
  }
}

interface Rules {
  /** Whether dpkg lets it overwrite files of the other one. */
  readonly replaces: (other: Unpacked) => boolean;
  /** Paths of others, and where these go. */
  readonly diversions: ReadonlyMap<string, string>;
}

async function rulesOf({ path }: Unpacked, merged: readonly string[]): Promise<Rules> {
  const members = await readControl(path);
  const control = parseStanzas(members.get("control")?.toString() ?? "").stanzas[0];
  const replaced = parseRelations(control?.get("Replaces")).flat();
  const diversions = [...diversionsOf(members.get("preinst")?.toString() ?? "")];
  return {
    replaces: (other) =>
      replaced.some((one) => one.name === other.name && meets(other.version, one.constraint)),
    diversions: new Map(diversions.map(([from, to]) => [followed(from, merged), followed(to, merged)])),
  };
}

/** Which of both dpkg would leave at the path; undefined when nothing says. */
function lastOf(
  path: string,
  one: Unpacked,
  other: Unpacked,
  rules: ReadonlyMap<Unpacked, Rules>,
): Unpacked | undefined {
  const [mine, theirs] = [rules.get(one), rules.get(other)];
  if (mine?.diversions.has(path)) return one;
  // For two that replace each other dpkg goes by the order in which they come, which here is that of the closure.
  if (theirs?.diversions.has(path) || theirs?.replaces(one)) return other;
  return mine?.replaces(other) ? one : undefined;
}

/** Whether both bring the same; each is unpacked alone, once. */
async function isSame(
  path: string,
  one: Unpacked,
  other: Unpacked,
  alone: Map<Unpacked, string>,
  tree: SharedTree,
): Promise<boolean> {
  for (const each of [one, other]) {
    if (alone.has(each)) continue;
    const folder = join(tree.scratch, "alone", String(alone.size));
    await mkdir(folder, { recursive: true });
    await tree.extract(each, folder);
    alone.set(each, folder);
  }
  const places = [one, other].map((each) => {
    const own = each.files.find((file) => followed(file, tree.merged) === path) ?? path;
    return join(alone.get(each) ?? "", own);
  });
  return sameEntry(places[0] ?? "", places[1] ?? "");
}

/** Each after those that come before it, else in the given order; also of a circle nothing is left out. */
function ordered(before: ReadonlyMap<Unpacked, ReadonlySet<Unpacked>>): Unpacked[] {
  const left = new Set(before.keys());
  const found: Unpacked[] = [];
  while (left.size > 0) {
    const isFree = (one: Unpacked) => ![...(before.get(one) ?? [])].some((other) => left.has(other));
    const next = [...left].find(isFree) ?? [...left][0]!;
    left.delete(next);
    found.push(next);
  }
  return found;
}

/** A folder that several packages bring has what any of them gives it; those of one mode are as tar left them. */
async function widenFolders(packages: readonly Unpacked[], into: string): Promise<void> {
  const modes = new Map<string, Pick<ListedEntry, "mode"> & { readonly isDisputed: boolean }>();
  for (const { name, mode } of packages.flatMap(({ folders }) => folders)) {
    const known = modes.get(name) ?? { mode, isDisputed: false };
    modes.set(name, { mode: known.mode | mode, isDisputed: known.isDisputed || known.mode !== mode });
  }
  for (const [name, { mode, isDisputed }] of modes) {
    // As tar makes them: without set-id bits, and with what the umask leaves.
    if (isDisputed) await chmod(fsPath(join(into, name)), mode & 0o777 & ~process.umask());
  }
}
