/**
 * do_patch: takes back what an earlier run has applied, then applies all patches. Each is applied to copies of the files
 * that its headers name; only when all of it has succeeded are they put into the sources.
 */
import { spawn } from "node:child_process";
import * as fs from "node:fs";
import { isAbsolute, join, resolve } from "node:path";
import { buffer } from "node:stream/consumers";
import { decompress, plainEnvironment } from "@tsbake/archive";
import { BuildError, byText, hasCode } from "@tsbake/base";
import type { FetchOptions } from "../settings/options.js";
import { noPatchProgram, patchFailed } from "../problems.js";
import { touchedNames } from "./names.js";
import {
  bytesOf,
  commit,
  entryFolder,
  keep,
  moveOver,
  removeOne,
  statOf,
  takeBack,
  type Before,
} from "./record.js";
import { selectPatches, type Patch, type PatchFacts } from "./select.js";

export interface PatchOptions extends FetchOptions, PatchFacts {
  /** S: what patches are applied in. */
  readonly sources: string;
  /** Where is kept what was there before. Nobody else writes there. */
  readonly record: string;
  readonly onNote?: (text: string) => void;
}

/** @throws BuildError `fetch/patch-failed`, `fetch/no-patch-program`, `fetch/bad-uri`, `fetch/missing-file` */
export async function applyPatches(uris: readonly string[], options: PatchOptions): Promise<void> {
  const { patches, left } = await selectPatches(uris, options, options);
  takeBack(options.record, options.sources);
  for (const { name, why } of left) options.onNote?.(`${name} is not applied: ${why}`);
  let number = 0;
  for (const patch of patches) await applyOne(patch, ++number, options);
}

async function applyOne(patch: Patch, number: number, options: PatchOptions): Promise<void> {
  const { sources, record, onNote } = options;
  const target = patch.folder === undefined ? sources : resolve(sources, patch.folder);
  if (!fs.statSync(target, { throwIfNoEntry: false })?.isDirectory()) {
    const from = patch.folder === undefined || isAbsolute(patch.folder) ? "" : ` (patchdir=${patch.folder})`;
    throw new BuildError([patchFailed(patch.name, `there is no folder ${target}${from}`)]);
  }
  const text = await read(patch);
  const folder = entryFolder(record, number);
  const { before, copies } = keep(folder, target, touchedNames(text.toString("latin1"), patch.strip));
  const after = join(folder, "after");
  lay(before, copies, after);
  const file = join(folder, "patch");
  fs.writeFileSync(file, text);
  onNote?.(`applying ${patch.name}`);
  const rejects = join(folder, "rejects");
  const { code, output } = await runPatch([
    "-p",
    String(patch.strip),
    "-d",
    after,
    "-i",
    file,
    "-r",
    rejects,
  ]);
  if (code !== 0) {
    const rejected = fs.existsSync(rejects)
      ? `\nwhat was rejected:\n${fs.readFileSync(rejects, "utf8")}`
      : "";
    fs.rmSync(folder, { recursive: true, force: true });
    throw new BuildError([patchFailed(patch.name, `${output.trim()}${rejected}`)]);
  }
  onNote?.(output.trim());
  const all = withNew(patch, before, after, target);
  commit(folder, { name: patch.name, sources, target, before: all });
  putInto(all, copies, after, target);
  for (const rest of [after, file, rejects]) fs.rmSync(rest, { recursive: true, force: true });
}

/** @throws BuildError `archive/…` when it is compressed and damaged */
async function read(patch: Patch): Promise<Buffer> {
  return buffer(decompress(patch.file));
}

/** The tree that `patch` works on. A link to a folder is one here: its target has another name, or none. */
function lay(before: readonly Before[], copies: string, after: string): void {
  fs.mkdirSync(after);
  const above = foldersAbove(before);
  for (const one of before) {
    const place = bytesOf(after, one.path);
    if (one.kind === "folder" || (one.kind === "link" && above.has(one.path))) fs.mkdirSync(place);
    else if (one.kind === "link") fs.symlinkSync(Buffer.from(one.target, "latin1"), place);
    else if (one.kind === "file") {
      fs.copyFileSync(bytesOf(copies, one.path), place, fs.constants.COPYFILE_FICLONE);
      fs.chmodSync(place, one.mode);
    }
  }
}

/** Those that something else of the list lies below. */
function foldersAbove(before: readonly Before[]): Set<string> {
  return new Set(
    before.flatMap(({ path }) => {
      const slash = path.lastIndexOf("/");
      return slash === -1 ? [] : [path.slice(0, slash)];
    }),
  );
}

/** With what the patch has made under names that no header had. */
function withNew(patch: Patch, before: readonly Before[], after: string, target: string): readonly Before[] {
  const known = new Set(before.map(({ path }) => path));
  const more: Before[] = [];
  for (const path of pathsIn(after)) {
    if (known.has(path)) continue;
    if (statOf(bytesOf(target, path))) {
      throw new BuildError([patchFailed(patch.name, `it touches ${path}, which none of its headers names`)]);
    }
    more.push({ path, kind: "absent" });
  }
  return [...before, ...more];
}

function* pathsIn(folder: string, below = ""): Generator<string> {
  for (const entry of fs.readdirSync(bytesOf(folder, below), { withFileTypes: true, encoding: "buffer" })) {
    const path = `${below}${entry.name.toString("latin1")}`;
    yield path;
    if (entry.isDirectory()) yield* pathsIn(folder, `${path}/`);
  }
}

/** What the patch has changed, and nothing else: other files keep their times. */
function putInto(before: readonly Before[], copies: string, after: string, target: string): void {
  const sorted = before.toSorted((left, right) => byText(left.path, right.path));
  const above = foldersAbove(before);
  for (const one of sorted.toReversed()) {
    if (one.kind === "absent" || statOf(bytesOf(after, one.path))) continue;
    if (one.kind !== "link" || !above.has(one.path)) removeOne(bytesOf(target, one.path));
  }
  for (const one of sorted) {
    const made = bytesOf(after, one.path);
    const stat = statOf(made);
    const place = bytesOf(target, one.path);
    if (stat?.isDirectory()) {
      if (one.kind === "absent") fs.mkdirSync(place, { mode: stat.mode & 0o7777 });
    } else if (stat && !isSame(one, stat, made, copies)) moveOver(made, place);
  }
}

function isSame(one: Before, stat: fs.Stats, made: Buffer, copies: string): boolean {
  if (stat.isSymbolicLink()) return one.kind === "link" && fs.readlinkSync(made, "latin1") === one.target;
  if (one.kind !== "file" || (stat.mode & 0o7777) !== one.mode) return false;
  return fs.readFileSync(made).equals(fs.readFileSync(bytesOf(copies, one.path)));
}

async function runPatch(
  args: readonly string[],
): Promise<{ readonly code: number; readonly output: string }> {
  // Nothing is asked, nothing is taken for reversed, no copies beside the files; empty files go, as with quilt.
  const child = spawn("patch", ["-f", "-E", "--no-backup-if-mismatch", ...args], {
    stdio: ["ignore", "pipe", "pipe"],
    env: { ...plainEnvironment(), PATCH_GET: "0" },
  });
  const [out, err, code] = await Promise.all([
    buffer(child.stdout),
    buffer(child.stderr),
    new Promise<number>((done, failed) => {
      child.on("error", failed);
      child.on("close", (end) => done(end ?? 1));
    }),
  ]).catch((error: unknown) => {
    if (hasCode(error, "ENOENT")) throw new BuildError([noPatchProgram()]);
    throw error;
  });
  return { code, output: Buffer.concat([out, err]).toString() };
}
