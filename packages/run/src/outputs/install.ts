/**
 * Puts a task's output where others find it: what is in its input folder, by hard link, into its output folder. The same
 * step ends a real run and a restore, so that both leave the same files.
 */
import { execFileSync } from "node:child_process";
import type { Stats } from "node:fs";
import { dirname, join } from "node:path";
import { setImmediate as pause } from "node:timers/promises";
import { BuildError, byText, hasCode, makeFolderSync, nameFs as fs } from "@tsbake/base";
import type { Diagnostic } from "@tsbake/base";
import { staysBelow } from "@tsbake/sandbox";
import { findOwner, manifestPath, readManifest, removeManifest, writeManifest } from "./manifest.js";
import { fileClash } from "../problems.js";

/** The task that installs. */
export interface Owner {
  readonly label: string;
  readonly pn: string;
  readonly task: string;
}

/** Between two pauses, so that the display and other tasks go on. */
const entriesAtOnce = 500;

/** What is to be made: `to` from `from`. */
interface Entry {
  readonly from: string;
  readonly to: string;
  /** The output folder that `to` is in, or that it is. */
  readonly top: string;
}

/**
 * Installs `inputs[i]` into `outputs[i]` and takes away what an earlier version had there. A file that is there already
 * with the same content is shared; with other content it is an error that names both tasks, and nothing is changed.
 *
 * @throws BuildError `run/file-clash`; system errors
 */
export async function installOutputs(
  tmpdir: string,
  owner: Owner,
  folders: { readonly inputs: readonly string[]; readonly outputs: readonly string[] },
): Promise<void> {
  const files: Entry[] = [];
  const made: Entry[] = [];
  for (const [index, from] of folders.inputs.entries()) {
    const to = folders.outputs[index];
    // A task that had nothing to write may have left out the folder: an empty one is the same.
    makeFolderSync(from);
    // Without an output folder, or with the same one, the files are where they belong.
    if (to !== undefined && to !== from) list({ from, to, top: to }, files, made);
  }
  const path = manifestPath(tmpdir, owner.pn, owner.task);
  const previous = readManifest(path);
  if (files.length + made.length === 0 && !previous) return;
  const mine = new Set(previous?.files);
  // Folders first: below a file that is in the way nothing can be looked at.
  clearFolders(tmpdir, owner, path, made, mine);
  const shared = findShared(tmpdir, owner, path, files, new Set([...mine, ...(previous?.folders ?? [])]));
  const next = { files: files.map(({ to }) => to), folders: made.map(({ to }) => to) };
  // Written before the first file, so that after a crash the next run knows what may be there.
  writeManifest(path, {
    files: [...new Set([...next.files, ...mine])],
    folders: [...new Set([...next.folders, ...(previous?.folders ?? [])])],
  });
  if (shared.length > 0) addShared(tmpdir, shared);
  await uninstall(tmpdir, path, mine, previous?.folders ?? []);
  const present = new Set(shared);
  await makeFolders(owner.label, made);
  for (const [index, entry] of files.entries()) {
    if (index % entriesAtOnce === entriesAtOnce - 1) await pause();
    if (!present.has(entry.to)) place(entry, owner, tmpdir, path);
  }
  if (previous) writeManifest(path, next);
}

/** Takes away what a task has installed. Nothing happens when it has not installed anything. */
export async function uninstallOutputs(tmpdir: string, owner: Owner): Promise<void> {
  const path = manifestPath(tmpdir, owner.pn, owner.task);
  const manifest = readManifest(path);
  if (!manifest) return;
  await uninstall(tmpdir, path, new Set(manifest.files), manifest.folders);
  removeManifest(path);
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

/**
 * Files that another task has installed already, with the same content. What is there and belongs to nobody, such as the
 * rest of a lost manifest, is removed.
 *
 * @throws BuildError with every file that another task has installed with other content
 */
function findShared(
  tmpdir: string,
  owner: Owner,
  manifest: string,
  files: readonly Entry[],
  mine: ReadonlySet<string>,
): string[] {
  const shared: string[] = [];
  const clashes: Diagnostic[] = [];
  for (const { from, to } of files) {
    const stat = mine.has(to) ? undefined : statOf(to);
    if (!stat) continue;
    const other = findOwner(tmpdir, stat.isDirectory() ? `${to}/` : to, manifest);
    if (stat.isDirectory()) clashes.push(fileClash(owner.label, other ?? "something else", to));
    else if (other === undefined) fs.rmSync(to);
    else if (isSame(from, to)) shared.push(to);
    else clashes.push(fileClash(owner.label, other, to));
  }
  if (clashes.length > 0) throw new BuildError(clashes);
  return shared;
}

/** Makes way for folders. @throws BuildError with every one that another task has a file in the place of */
function clearFolders(
  tmpdir: string,
  owner: Owner,
  manifest: string,
  made: readonly Entry[],
  mine: ReadonlySet<string>,
): void {
  const clashes: Diagnostic[] = [];
  for (const { to, top } of made) {
    if (mine.has(to) || !statOf(to) || isFolderOf(top, to)) continue;
    const other = findOwner(tmpdir, to, manifest);
    if (other === undefined) fs.rmSync(to);
    else clashes.push(fileClash(owner.label, other, to));
  }
  if (clashes.length > 0) throw new BuildError(clashes);
}

/**
 * A link to a folder does as a folder, but one that leads out of the output folder: whoever has put it there would have us
 * write anywhere.
 */
function isFolderOf(top: string, path: string): boolean {
  const isFolder = fs.statSync(path, { throwIfNoEntry: false })?.isDirectory() ?? false;
  return isFolder && (path === top || !statOf(path)?.isSymbolicLink() || staysBelow(top, path));
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

async function makeFolders(label: string, made: readonly Entry[]): Promise<void> {
  for (const [index, { from, to, top }] of made.entries()) {
    if (index % entriesAtOnce === entriesAtOnce - 1) await pause();
    if (makeFolderSync(to)) fs.chmodSync(to, fs.statSync(from).mode & 0o7777);
    // Somebody has put a link there since we have looked.
    else if (!isFolderOf(top, to)) throw new BuildError([fileClash(label, "another task", to)]);
  }
}

function place(entry: Entry, owner: Owner, tmpdir: string, manifest: string): void {
  try {
    fs.linkSync(entry.from, entry.to);
  } catch (error) {
    if (hasCode(error, "EEXIST")) {
      // Two tasks at the same moment: both have looked before either has written.
      const other = findOwner(tmpdir, entry.to, manifest) ?? "another task";
      addShared(tmpdir, [entry.to]);
      if (!isSame(entry.from, entry.to)) throw new BuildError([fileClash(owner.label, other, entry.to)]);
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

/** Same kind, same content. */
function isSame(left: string, right: string): boolean {
  const [one, other] = [fs.lstatSync(left), fs.lstatSync(right)];
  if (one.ino === other.ino && one.dev === other.dev) return true;
  if (one.isSymbolicLink() && other.isSymbolicLink()) return fs.readlinkSync(left) === fs.readlinkSync(right);
  if (kindOf(one) !== "file" || kindOf(other) !== "file")
    return kindOf(one) === kindOf(other) && one.rdev === other.rdev;
  if (one.size !== other.size) return false;
  return fs.readFileSync(left).equals(fs.readFileSync(right));
}

function kindOf(stat: Stats): string {
  if (stat.isFile()) return "file";
  if (stat.isSymbolicLink()) return "link";
  if (stat.isFIFO()) return "FIFO";
  return stat.isCharacterDevice() ? "character device" : stat.isBlockDevice() ? "block device" : "other";
}

async function uninstall(
  tmpdir: string,
  manifest: string,
  files: ReadonlySet<string>,
  folders: readonly string[],
): Promise<void> {
  const shared = files.size > 0 ? readShared(tmpdir) : undefined;
  let count = 0;
  for (const file of files) {
    if (++count % entriesAtOnce === 0) await pause();
    if (shared?.has(file) && findOwner(tmpdir, file, manifest) !== undefined) continue;
    fs.rmSync(file, { force: true });
  }
  for (const folder of folders.toSorted(byText).toReversed()) {
    try {
      fs.rmdirSync(folder);
    } catch (error) {
      // Others still have something in it, or it is gone.
      if (!hasCode(error, "ENOTEMPTY", "EEXIST", "ENOENT", "ENOTDIR", "EBUSY")) throw error;
    }
  }
}

/** Paths that ever had more than one owner: only for these a removal has to look at the other manifests. */
function sharedPath(tmpdir: string): string {
  return join(tmpdir, "sstate-control", "shared-files");
}

function readShared(tmpdir: string): Set<string> {
  try {
    return new Set(fs.readFileSync(sharedPath(tmpdir), "utf8").split("\0"));
  } catch (error) {
    if (hasCode(error, "ENOENT")) return new Set();
    throw error;
  }
}

function addShared(tmpdir: string, paths: readonly string[]): void {
  fs.appendFileSync(sharedPath(tmpdir), paths.map((path) => `${path}\0`).join(""));
}
