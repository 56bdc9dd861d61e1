/**
 * What was there before each patch, so that do_patch can run again on the same sources.
 *
 *     RECORD/0001/before/…     the files as they were
 *     RECORD/0001/entry.json   what they were; written when the copies are there, before the first file changes
 *
 * Whatever a run that was killed has left, taking back the entries from the last to the first gives the sources as they
 * were unpacked. The record belongs to one folder of sources: do_unpack empties it, and a folder of another inode has
 * nothing to take back. Paths are bytes, one to a character (latin1).
 */
import * as fs from "node:fs";
import { join, relative, resolve } from "node:path";
import { byText, hasCode } from "@tsbake/base";
import { list, readData } from "@tsbake/base/data";
import * as v from "valibot";
import { badPatchRecord } from "../problems.js";

const Before = v.variant("kind", [
  v.object({ path: v.string(), kind: v.literal("absent") }),
  v.object({ path: v.string(), kind: v.literal("folder"), mode: v.number() }),
  v.object({ path: v.string(), kind: v.literal("link"), target: v.string() }),
  v.object({ path: v.string(), kind: v.literal("file"), mode: v.number(), mtimeMs: v.number() }),
]);
export type Before = Readonly<v.InferOutput<typeof Before>>;

const RecordEntry = v.object({
  name: v.string(),
  /** The folder that was patched, relative to the sources. */
  folder: v.string(),
  /** Inode of the sources. */
  sources: v.number(),
  before: list(Before),
});
type RecordEntry = Readonly<v.InferOutput<typeof RecordEntry>>;

const ENTRY = "entry.json";

/** `name` is a path in latin1. */
export function bytesOf(folder: string, name: string): Buffer {
  return Buffer.concat([Buffer.from(`${folder}/`), Buffer.from(name, "latin1")]);
}

/** Takes back all that was recorded, the last first. @throws BuildError `fetch/bad-patch-record`, system errors */
export function takeBack(record: string, sources: string): void {
  const inode = fs.statSync(sources, { throwIfNoEntry: false })?.ino;
  const names = fs.existsSync(record) ? fs.readdirSync(record).toSorted(byText) : [];
  for (const name of names.toReversed()) {
    const folder = join(record, name);
    const entry = readEntry(join(folder, ENTRY));
    if (entry && entry.sources === inode) restore(entry, folder, resolve(sources, entry.folder));
    // The entry goes first: without its copies it could not be taken back.
    fs.rmSync(join(folder, ENTRY), { force: true });
    fs.rmSync(folder, { recursive: true, force: true });
  }
}

function readEntry(path: string): RecordEntry | undefined {
  let text: string;
  try {
    text = fs.readFileSync(path, "utf8");
  } catch (error) {
    if (hasCode(error, "ENOENT", "ENOTDIR")) return undefined;
    throw error;
  }
  return readData(RecordEntry, text, (reason) => badPatchRecord(path, reason));
}

/** Where the copies for the patch are made that is applied next. */
export function entryFolder(record: string, number: number): string {
  return join(record, String(number).padStart(5, "0"));
}

/** Copies what `names` and the folders above them are, before anything of them changes. */
export function keep(
  folder: string,
  target: string,
  names: Iterable<string>,
): { readonly before: readonly Before[]; readonly copies: string } {
  const copies = join(folder, "before");
  fs.rmSync(folder, { recursive: true, force: true });
  fs.mkdirSync(copies, { recursive: true });
  const before = new Map<string, Before>();
  for (const name of names) {
    for (const path of [...foldersOf(name), name]) {
      if (!before.has(path)) before.set(path, keepOne(target, path, copies));
    }
  }
  return { before: [...before.values()], copies };
}

/** From now on it will be taken back. */
export function commit(
  folder: string,
  {
    name,
    sources,
    target,
    before,
  }: { name: string; sources: string; target: string; before: readonly Before[] },
): void {
  const entry: RecordEntry = {
    name,
    folder: relative(sources, target),
    sources: fs.statSync(sources).ino,
    before,
  };
  const path = join(folder, ENTRY);
  fs.writeFileSync(`${path}.new`, JSON.stringify(entry));
  fs.renameSync(`${path}.new`, path);
}

function* foldersOf(name: string): Generator<string> {
  for (let slash = name.indexOf("/"); slash !== -1; slash = name.indexOf("/", slash + 1)) {
    yield name.slice(0, slash);
  }
}

function keepOne(target: string, path: string, copies: string): Before {
  const from = bytesOf(target, path);
  const stat = statOf(from);
  if (!stat) return { path, kind: "absent" };
  if (stat.isSymbolicLink()) {
    return { path, kind: "link", target: fs.readlinkSync(from, "latin1") };
  }
  if (!stat.isFile()) return { path, kind: "folder", mode: stat.mode & 0o7777 };
  const copy = bytesOf(copies, path);
  makeParents(copies, path);
  fs.copyFileSync(from, copy, fs.constants.COPYFILE_FICLONE);
  fs.chmodSync(copy, stat.mode & 0o7777);
  return { path, kind: "file", mode: stat.mode & 0o7777, mtimeMs: stat.mtimeMs };
}

function makeParents(folder: string, path: string): void {
  const slash = path.lastIndexOf("/");
  if (slash !== -1) fs.mkdirSync(bytesOf(folder, path.slice(0, slash)), { recursive: true });
}

/** Undefined when there is nothing, also below a file. */
export function statOf(path: Buffer): fs.Stats | undefined {
  try {
    return fs.lstatSync(path, { throwIfNoEntry: false });
  } catch (error) {
    if (hasCode(error, "ENOTDIR")) return undefined;
    throw error;
  }
}

function restore(entry: RecordEntry, folder: string, target: string): void {
  const before = entry.before.toSorted((left, right) => byText(left.path, right.path));
  // What was made goes first, the deepest before the folder that it is in: it may be in the way.
  for (const { path, kind } of before.toReversed()) if (kind === "absent") removeOne(bytesOf(target, path));
  for (const one of before) {
    const place = bytesOf(target, one.path);
    if (one.kind === "folder") restoreFolder(place, one.mode);
    else if (one.kind === "link") restoreLink(place, one.target);
    else if (one.kind === "file") {
      // The copy stays until the whole entry is taken back.
      const again = bytesOf(folder, "again");
      fs.rmSync(again, { force: true });
      fs.copyFileSync(bytesOf(join(folder, "before"), one.path), again, fs.constants.COPYFILE_FICLONE);
      fs.chmodSync(again, one.mode);
      fs.utimesSync(again, one.mtimeMs / 1000, one.mtimeMs / 1000);
      moveOver(again, place);
    }
  }
}

function restoreFolder(place: Buffer, mode: number): void {
  const stat = statOf(place);
  if (stat?.isDirectory()) return;
  if (stat) fs.rmSync(place);
  fs.mkdirSync(place);
  fs.chmodSync(place, mode);
}

function restoreLink(place: Buffer, target: string): void {
  const stat = statOf(place);
  if (stat?.isSymbolicLink() && fs.readlinkSync(place, "latin1") === target) return;
  if (stat) removeOne(place);
  fs.symlinkSync(Buffer.from(target, "latin1"), place);
}

/** A file, whatever is in it; a folder only when nothing else has come into it. */
export function removeOne(place: Buffer): void {
  const stat = statOf(place);
  if (!stat) return;
  if (!stat.isDirectory()) {
    fs.rmSync(place);
    return;
  }
  try {
    fs.rmdirSync(place);
  } catch (error) {
    if (!hasCode(error, "ENOTEMPTY", "EEXIST")) throw error;
  }
}

/** In one step where both are on one disk: no half of a file is seen, and no other name of the old one changes. */
export function moveOver(from: Buffer, place: Buffer): void {
  if (statOf(place)?.isDirectory()) removeOne(place);
  try {
    fs.renameSync(from, place);
  } catch (error) {
    if (!hasCode(error, "EXDEV")) throw error;
    const stat = fs.lstatSync(from);
    fs.rmSync(place, { force: true });
    if (stat.isSymbolicLink()) fs.symlinkSync(fs.readlinkSync(from, "buffer"), place);
    else {
      fs.copyFileSync(from, place);
      fs.chmodSync(place, stat.mode & 0o7777);
      fs.utimesSync(place, stat.atime, stat.mtime);
    }
  }
}
