/**
 * Who has what in the shared folders of one TMPDIR, and who may stay there.
 *
 * An output folder of a task belongs to one recipe at a time: who reads `deploy/deb/hello` takes all that is in it. So a task
 * that installs takes away what another version of its recipe, or the same for another machine, has in the same folders. What
 * is in another machine's own folder stays. Files of tasks of this build stay, too: where two of them want one path, that is
 * a clash.
 */
import { unlinkSync } from "node:fs";
import { basename, dirname, join } from "node:path";
import { setImmediate as pause } from "node:timers/promises";
import { byText, fsPath, hasCode, makeFolderSync, nameFs as fs } from "@tsbake/base";
import {
  manifestFolder,
  manifestNames,
  manifestPath,
  manifestPrefix,
  readManifest,
  removeManifest,
  writeManifest,
} from "./manifest.js";
import type { Manifest, StampOwner } from "./manifest.js";

/** Between two pauses, so that the display and other tasks go on. */
export const ENTRIES_AT_ONCE = 500;

const SHARED_FILES = "shared-files";
const OUTPUT_FOLDERS = "output-folders";

/** What is known of stamps and of this build. */
export interface OwnerFacts {
  /** Of a task of this build: its stamp has the signature that the task has now. Of any other: undefined. */
  isCurrent(owner: StampOwner): boolean | undefined;
  /** A recipe of the metadata has such a stamp. */
  isKnown(owner: StampOwner): boolean;
  hasStamp(owner: StampOwner): boolean;
  /** Takes its stamps away. */
  withdraw(owner: StampOwner): void;
  /** Called before anything of somebody is taken away. */
  onEvict?(tmpdir: string): void;
}

/** A manifest and where it is. */
export interface OwnedFile extends Manifest {
  readonly path: string;
}

export class Owners {
  readonly tmpdir: string;
  readonly #facts: OwnerFacts;
  #names: Set<string> | undefined;
  /** Manifests by what their names begin with. */
  readonly #groups = new Map<string, Set<string>>();
  /** Written in this run: their files are there, or about to be. */
  readonly #written = new Set<string>();
  /** Manifests by what they list, folders with a `/` at the end: made for the first question. */
  #listing: Map<string, string[]> | undefined;
  readonly #listed = new Map<string, readonly string[]>();
  #turn: Promise<void> = Promise.resolve();
  readonly #sharedPaths: PathList;
  /** Folders that tasks have installed into. */
  readonly #outputFolders: PathList;

  constructor(tmpdir: string, facts: OwnerFacts) {
    this.tmpdir = tmpdir;
    this.#facts = facts;
    this.#sharedPaths = new PathList(join(manifestFolder(tmpdir), SHARED_FILES));
    this.#outputFolders = new PathList(join(manifestFolder(tmpdir), OUTPUT_FOLDERS));
  }

  /** One after the other: two that take away what they share would each leave it to the other. */
  async alone<Result>(work: () => Promise<Result>): Promise<Result> {
    const before = this.#turn;
    let end = () => {};
    this.#turn = new Promise((resolve) => (end = resolve));
    await before;
    try {
      return await work();
    } finally {
      end();
    }
  }

  pathOf(owner: StampOwner): string {
    return manifestPath(this.tmpdir, owner);
  }

  write(path: string, manifest: Manifest): void {
    writeManifest(path, manifest);
    this.#written.add(path);
    const name = basename(path);
    this.#list().add(name);
    this.#groupOf(name).add(name);
    if (this.#listing) this.#setListed(name, manifest);
  }

  /** Manifests of a recipe, all or of one task. */
  of(pn: string, task?: string): OwnedFile[] {
    const names = this.#list();
    const group =
      task === undefined
        ? [...names].filter((name) => name.startsWith(`manifest-${pn}.`))
        : [...(this.#groups.get(manifestPrefix(pn, task)) ?? [])];
    return group
      .sort(byText)
      .map((name) => this.#read(name))
      .filter((found) => found?.owner?.pn === pn && (task === undefined || found.owner.task === task))
      .map((found) => found!);
  }

  /** The first manifest other than `except` that lists the file, or the folder with a `/` at the end. */
  find(file: string, except: string): OwnedFile | undefined {
    for (const name of [...(this.#whoLists().get(file) ?? [])].sort(byText)) {
      const found = name === basename(except) ? undefined : this.#read(name);
      if (found) return found;
    }
    return undefined;
  }

  #whoLists(): ReadonlyMap<string, readonly string[]> {
    if (this.#listing) return this.#listing;
    this.#listing = new Map();
    for (const name of this.#list()) this.#setListed(name, this.#read(name));
    return this.#listing;
  }

  #setListed(name: string, manifest: Manifest | undefined): void {
    const listing: Map<string, string[]> = (this.#listing ??= new Map());
    for (const path of this.#listed.get(name) ?? [])
      listing.set(path, listing.get(path)?.filter((other) => other !== name) ?? []);
    const paths = manifest ? [...manifest.files, ...manifest.folders.map((folder) => `${folder}/`)] : [];
    this.#listed.set(name, paths);
    for (const path of paths) {
      const names = listing.get(path);
      if (names) names.push(name);
      else listing.set(path, [name]);
    }
  }

  /** Whether files that it lists may not be touched. */
  isLive(found: OwnedFile, by: StampOwner): boolean {
    const { owner, path } = found;
    // Of another program: who knows.
    if (!owner || this.#written.has(path)) return true;
    const isCurrent = this.#facts.isCurrent(owner);
    if (isCurrent !== undefined) return isCurrent;
    const isSameTask = owner.pn === by.pn && owner.task === by.task;
    return !isSameTask && this.#facts.hasStamp(owner) && this.#facts.isKnown(owner);
  }

  /** Stamps first, then files, then the manifest: after a crash in between, nothing says that the files are there. */
  async evict(found: OwnedFile): Promise<void> {
    this.#facts.onEvict?.(this.tmpdir);
    if (found.owner) this.#facts.withdraw(found.owner);
    await this.takeAway(found, found.path);
    removeManifest(found.path);
    const name = basename(found.path);
    this.#names?.delete(name);
    if (this.#listing) this.#setListed(name, undefined);
    this.#written.delete(found.path);
    this.#groupOf(name).delete(name);
  }

  /**
   * An output folder that somebody had and that is not there was taken away by hand: before it is made again, all that had it
   * lose their stamps. As long as it is missing they do not count.
   */
  async beforeOutputs(folders: readonly string[], manifest: string): Promise<void> {
    const known = this.#outputFolders.all();
    for (const folder of folders.flatMap((one) => missing(one))) {
      if (!known.has(folder)) continue;
      for (let found = this.find(`${folder}/`, manifest); found; found = this.find(`${folder}/`, manifest)) {
        await this.evict(found);
      }
    }
    this.#outputFolders.add(folders);
  }

  /** Removes what is listed, but what others list too. */
  async takeAway({ files, folders }: Pick<Manifest, "files" | "folders">, manifest: string): Promise<void> {
    const shared = this.shared();
    let count = 0;
    for (const file of files) {
      if (++count % ENTRIES_AT_ONCE === 0) await pause();
      if (shared.has(file) && this.find(file, manifest)) continue;
      removeFile(file);
    }
    for (const folder of folders.toSorted(byText).toReversed()) {
      if (shared.has(`${folder}/`) && isEmpty(folder) && this.find(`${folder}/`, manifest)) continue;
      removeFolder(folder);
    }
  }

  /** Paths that ever had more than one owner: only for these a removal has to look at the other manifests. */
  shared(): ReadonlySet<string> {
    return this.#sharedPaths.all();
  }

  addShared(paths: readonly string[]): void {
    this.#sharedPaths.add(paths);
  }

  #read(name: string): OwnedFile | undefined {
    const path = join(manifestFolder(this.tmpdir), name);
    const manifest = readManifest(path);
    return manifest && { ...manifest, path };
  }

  /** Listed once a run: only this process writes there. */
  #list(): Set<string> {
    if (this.#names) return this.#names;
    const names = manifestNames(this.tmpdir);
    for (const name of names) this.#groupOf(name).add(name);
    return (this.#names = new Set(names));
  }

  #groupOf(name: string): Set<string> {
    const prefix = name.slice(0, name.lastIndexOf(".") + 1);
    let group = this.#groups.get(prefix);
    if (!group) this.#groups.set(prefix, (group = new Set()));
    return group;
  }
}

/** Also when somebody has made a folder of it, but not what is in that. */
function removeFile(file: string): void {
  try {
    unlinkSync(fsPath(file));
  } catch (error) {
    if (hasCode(error, "EISDIR", "EPERM") && isFolder(file)) removeFolder(file);
    else if (!hasCode(error, "ENOENT", "ENOTDIR")) throw error;
  }
}

function removeFolder(folder: string): void {
  try {
    fs.rmdirSync(folder);
  } catch (error) {
    // Others still have something in it, or it is gone.
    if (!hasCode(error, "ENOTEMPTY", "EEXIST", "ENOENT", "ENOTDIR", "EBUSY")) throw error;
  }
}

function isFolder(path: string): boolean {
  return fs.lstatSync(path, { throwIfNoEntry: false })?.isDirectory() ?? false;
}

/** A file of paths that only grows. */
class PathList {
  readonly #path: string;
  #paths: Set<string> | undefined;

  constructor(path: string) {
    this.#path = path;
  }

  all(): ReadonlySet<string> {
    return this.#read();
  }

  add(paths: readonly string[]): void {
    const known = this.#read();
    const added = paths.filter((path) => !known.has(path));
    if (added.length === 0) return;
    makeFolderSync(dirname(this.#path));
    fs.appendFileSync(this.#path, added.map((path) => `${path}\0`).join(""));
    for (const path of added) known.add(path);
  }

  #read(): Set<string> {
    if (this.#paths) return this.#paths;
    let text = "";
    try {
      text = fs.readFileSync(this.#path, "utf8");
    } catch (error) {
      if (!hasCode(error, "ENOENT")) throw error;
    }
    return (this.#paths = new Set(text.split("\0")));
  }
}

/** The lists again, from what is left of the manifests: after a power cut. */
export function rebuildLists(tmpdir: string, manifests: readonly Manifest[]): void {
  const known = new Set<string>();
  const shared = new Set<string>();
  for (const { files, folders } of manifests) {
    for (const one of [...files, ...folders.map((folder) => `${folder}/`)])
      (known.has(one) ? shared : known).add(one);
  }
  const lists: [name: string, paths: Iterable<string>][] = [
    [SHARED_FILES, shared],
    [OUTPUT_FOLDERS, new Set(manifests.flatMap(({ folders }) => folders))],
  ];
  for (const [name, paths] of lists) {
    const path = join(manifestFolder(tmpdir), name);
    fs.rmSync(path, { force: true });
    new PathList(path).add([...paths]);
  }
}

/** The folder and those around it that are not there. */
function missing(folder: string): string[] {
  return fs.statSync(folder, { throwIfNoEntry: false }) !== undefined || dirname(folder) === folder
    ? []
    : [folder, ...missing(dirname(folder))];
}

function isEmpty(folder: string): boolean {
  try {
    return fs.readdirSync(folder).length === 0;
  } catch (error) {
    if (hasCode(error, "ENOENT", "ENOTDIR")) return false;
    throw error;
  }
}
