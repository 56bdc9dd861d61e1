/**
 * Puts a task's output where others find it: what is in its input folder, by hard link, into its output folder. The same
 * step ends a real run and a restore, so that both leave the same files.
 */
import { execFileSync } from "node:child_process";
import { lstatSync, type Stats } from "node:fs";
import { dirname, join } from "node:path";
import { setImmediate as pause } from "node:timers/promises";
import { BuildError, byText, fsPath, hasCode, makeFolderSync, nameFs as fs, sameEntry } from "@tsbake/base";
import type { Diagnostic } from "@tsbake/base";
import { staysBelow } from "@tsbake/sandbox";
import { factsOf, readManifest } from "./manifest.js";
import type { Manifest, StampOwner } from "./manifest.js";
import { ENTRIES_AT_ONCE } from "./owners.js";
import type { Owners } from "./owners.js";
import { fileClash } from "../problems.js";

/** The task that installs. */
export interface Installer extends StampOwner {
  readonly label: string;
}

/** What is to be made: `to` from `from`. */
interface Entry {
  readonly from: string;
  readonly to: string;
  /** The output folder that `to` is in, or that it is. */
  readonly top: string;
}

/**
 * Installs `inputs[i]` into `outputs[i]` and takes away what an earlier version had there, of this stamp or of another one of
 * the recipe, with those stamps. A file of another task that is there already and is the same (`sameEntry`) is shared; another
 * one, if only by its mode, is an error that names both tasks, and nothing of the other's is changed.
 *
 * @throws BuildError `run/file-clash`; system errors
 */
export async function installOutputs(
  owners: Owners,
  installer: Installer,
  folders: { readonly inputs: readonly string[]; readonly outputs: readonly string[] },
): Promise<void> {
  const files: Entry[] = [];
  const made: Entry[] = [];
  const tops: string[] = [];
  for (const [index, from] of folders.inputs.entries()) {
    const to = folders.outputs[index];
    // A task that had nothing to write may have left out the folder: an empty one is the same.
    makeFolderSync(from);
    // Without an output folder, or with the same one, the files are where they belong.
    if (to === undefined || to === from) continue;
    tops.push(to);
    list({ from, to, top: to }, files, made);
  }
  await owners.alone(() => new Installation(owners, installer).install(files, made, tops));
}

/** Of a file that others have installed too: whoever comes last may have made it anew. */
const UNKNOWN = "shared";

/** Installed files that are gone, or are not what was installed; none is looked at where nothing is known of them. */
export function changedFiles({ files, facts }: Manifest): string[] {
  if (!facts) return [];
  return files.filter((file, index) => facts[index] !== UNKNOWN && factsAt(file) !== facts[index]);
}

/** Undefined when there is nothing. */
function factsAt(path: string): string | undefined {
  try {
    const stat = lstatSync(fsPath(path), { bigint: true, throwIfNoEntry: false });
    return stat && factsOf(stat);
  } catch (error) {
    if (hasCode(error, "ENOTDIR")) return undefined;
    throw error;
  }
}

/**
 * Takes away what tasks of a recipe have installed for a configuration, whichever version and whichever task: `-c clean`.
 * Nothing happens when they have not installed anything.
 */
export async function uninstallOutputs(
  owners: Owners,
  { pn, stamp, configuration }: Pick<StampOwner, "pn" | "stamp" | "configuration">,
): Promise<void> {
  await owners.alone(async () => {
    for (const found of owners.of(pn)) {
      const { owner } = found;
      if (owner && (owner.stamp === stamp || owner.configuration === configuration))
        await owners.evict(found);
    }
  });
}

function list(folder: Entry, files: Entry[], made: Entry[]): void {
  const { from, to, top } = folder;
  made.push(folder);
  const entries = fs.readdirSync(from, { withFileTypes: true });
  entries.sort((left, right) => byText(left.name, right.name));
  for (const entry of entries) {
    const pair = { from: join(from, entry.name), to: join(to, entry.name), top };
    if (entry.isDirectory()) list(pair, files, made);
    // A socket is nothing without the process that listens; the artifact has none either.
    else if (!entry.isSocket()) files.push(pair);
  }
}

class Installation {
  readonly #owners: Owners;
  readonly #installer: Installer;
  /** Our manifest. */
  readonly #path: string;

  constructor(owners: Owners, installer: Installer) {
    this.#owners = owners;
    this.#installer = installer;
    this.#path = owners.pathOf(installer);
  }

  async install(files: readonly Entry[], made: readonly Entry[], tops: readonly string[]): Promise<void> {
    const owners = this.#owners;
    await this.#replaceOthers(tops);
    const previous = readManifest(this.#path);
    if (files.length + made.length === 0 && !previous) return;
    await owners.beforeOutputs(tops, this.#path);
    const before = previous ?? { files: [], folders: [] };
    const known = owners.shared();
    // What others have too is theirs as well as ours: looked at like the rest.
    const mine = new Set(before.files.filter((file) => !known.has(file)));
    // Folders first: below a file that is in the way nothing can be looked at.
    await this.#clearFolders(made, mine);
    const shared = await this.#findShared(files, new Set([...mine, ...before.folders]));
    const { label: _, ...owner } = this.#installer;
    const next = { owner, files: files.map(({ to }) => to), folders: made.map(({ to }) => to) };
    // Before the manifest, which would have what others have too for ours alone after a crash; one too many costs a look.
    const own = new Set(before.folders);
    const foreign = made.filter(({ to }) => !own.has(to) && statOf(to));
    owners.addShared([...shared, ...foreign.map(({ to }) => `${to}/`)]);
    // Written before the first file, so that after a crash the next run knows what may be there.
    owners.write(this.#path, {
      owner,
      files: [...new Set([...next.files, ...before.files])],
      folders: [...new Set([...next.folders, ...before.folders])],
    });
    const kept = new Set(next.folders);
    const gone = before.folders.filter((folder) => !kept.has(folder));
    await owners.takeAway({ files: before.files, folders: gone }, this.#path);
    const present = new Set(shared);
    await this.#makeFolders(made, new Set(before.folders));
    for (const [index, entry] of files.entries()) {
      if (index % ENTRIES_AT_ONCE === ENTRIES_AT_ONCE - 1) await pause();
      if (!present.has(entry.to)) this.#place(entry);
    }
    const others = owners.shared();
    const facts = next.files.map((file) => (others.has(file) ? UNKNOWN : (factsAt(file) ?? UNKNOWN)));
    owners.write(this.#path, { ...next, facts });
  }

  /** What another version of the recipe, or the same for another machine, has where ours will be. */
  async #replaceOthers(tops: readonly string[]): Promise<void> {
    const { pn, task, configuration } = this.#installer;
    for (const found of this.#owners.of(pn, task)) {
      if (found.path === this.#path || this.#owners.isLive(found, this.#installer)) continue;
      const isInMyFolders = tops.some((top) => found.folders.includes(top));
      if (isInMyFolders || found.owner!.configuration === configuration) await this.#owners.evict(found);
    }
  }

  /** Who has the file, or the folder with a `/` at the end. Whoever has no right to it goes, with all that is theirs. */
  async #holderOf(path: string): Promise<string | undefined> {
    for (;;) {
      const found = this.#owners.find(path, this.#path);
      if (!found) return undefined;
      if (this.#owners.isLive(found, this.#installer)) {
        const { owner } = found;
        return owner ? `${owner.pn}:${owner.task}` : `what \`${found.path}\` lists`;
      }
      await this.#owners.evict(found);
    }
  }

  /**
   * Files that another task has installed already, with the same content. What is there and belongs to nobody, such as the
   * rest of a lost manifest, is removed.
   *
   * @throws BuildError with every file that another task has installed with other content
   */
  async #findShared(files: readonly Entry[], mine: ReadonlySet<string>): Promise<string[]> {
    const { label } = this.#installer;
    const shared: string[] = [];
    const clashes: Diagnostic[] = [];
    for (const { from, to } of files) {
      const stat = mine.has(to) ? undefined : statOf(to);
      if (!stat) continue;
      const holder = await this.#holderOf(stat.isDirectory() ? `${to}/` : to);
      const left = statOf(to);
      if (left?.isDirectory()) clashes.push(fileClash(label, holder ?? "something else", to));
      else if (holder === undefined) fs.rmSync(to, { force: true });
      else if (left && sameEntry(from, to)) shared.push(to);
      else if (left) clashes.push(fileClash(label, holder, to));
    }
    if (clashes.length > 0) throw new BuildError(clashes);
    return shared;
  }

  /** Makes way for folders. @throws BuildError with every one that another task has a file in the place of */
  async #clearFolders(made: readonly Entry[], mine: ReadonlySet<string>): Promise<void> {
    const clashes: Diagnostic[] = [];
    for (const { to, top } of made) {
      const isInTheWay = () => statOf(to) && !isFolderOf(top, to);
      if (mine.has(to) || !isInTheWay()) continue;
      const holder = await this.#holderOf(to);
      if (holder === undefined) fs.rmSync(to, { force: true });
      else clashes.push(fileClash(this.#installer.label, holder, to));
    }
    if (clashes.length > 0) throw new BuildError(clashes);
  }

  /** Folders that are there and not ours are somebody's, too: none goes as long as one who has it is left. */
  async #makeFolders(made: readonly Entry[], mine: ReadonlySet<string>): Promise<void> {
    const shared: string[] = [];
    for (const [index, { from, to, top }] of made.entries()) {
      if (index % ENTRIES_AT_ONCE === ENTRIES_AT_ONCE - 1) await pause();
      const mode = fs.statSync(from).mode & 0o7777;
      if (makeFolderSync(to)) fs.chmodSync(to, mode);
      // Somebody has put a link there since we have looked.
      else if (!isFolderOf(top, to)) {
        throw new BuildError([fileClash(this.#installer.label, "another task", to)]);
      } else if (!mine.has(to)) {
        // Whoever comes first: it has what any of them gives it.
        if (to !== top) widen(to, mode);
        shared.push(`${to}/`);
      }
    }
    this.#owners.addShared(shared);
  }

  #place(entry: Entry): void {
    try {
      fs.linkSync(entry.from, entry.to);
    } catch (error) {
      if (hasCode(error, "EEXIST")) {
        // Two tasks at the same moment: both have looked before either has written.
        const owner = this.#owners.find(entry.to, this.#path)?.owner;
        const other = owner ? `${owner.pn}:${owner.task}` : "something else";
        this.#owners.addShared([entry.to]);
        if (!sameEntry(entry.from, entry.to)) {
          throw new BuildError([fileClash(this.#installer.label, other, entry.to)]);
        }
      } else if (hasCode(error, "ENOENT")) {
        // Another task has just taken away the folder, empty, with its earlier version.
        makeFolderSync(dirname(entry.to));
        fs.linkSync(entry.from, entry.to);
      } else if (hasCode(error, "EXDEV", "EPERM", "EMLINK", "ENOTSUP")) {
        copy(entry);
      } else {
        throw error;
      }
    }
  }
}

/**
 * A link to a folder does as a folder, but one that leads out of the output folder: whoever has put it there would have us
 * write anywhere.
 */
function isFolderOf(top: string, path: string): boolean {
  const isFolder = fs.statSync(path, { throwIfNoEntry: false })?.isDirectory() ?? false;
  return isFolder && (path === top || !statOf(path)?.isSymbolicLink() || staysBelow(top, path));
}

function widen(folder: string, mode: number): void {
  const before = fs.statSync(folder).mode & 0o7777;
  if ((mode & ~before) !== 0) fs.chmodSync(folder, before | mode);
}

/** Undefined when there is nothing, also for a path below a file. */
function statOf(path: string): Stats | undefined {
  try {
    return fs.lstatSync(path, { throwIfNoEntry: false });
  } catch (error) {
    if (hasCode(error, "ENOTDIR")) return undefined;
    throw error;
  }
}

function copy({ from, to }: Entry): void {
  const stat = fs.lstatSync(from);
  if (stat.isSymbolicLink()) {
    fs.symlinkSync(fs.readlinkSync(from), to);
    return;
  }
  if (!stat.isFile() || stat.blocks * 512 < stat.size) {
    // FIFOs and devices have no content to copy, and holes would become zeros.
    execFileSync("cp", ["-a", "--sparse=auto", "--", from, to], { stdio: "ignore" });
    return;
  }
  fs.copyFileSync(from, to, fs.constants.COPYFILE_EXCL | fs.constants.COPYFILE_FICLONE);
  fs.chmodSync(to, stat.mode & 0o7777);
  fs.utimesSync(to, stat.atime, stat.mtime);
}
