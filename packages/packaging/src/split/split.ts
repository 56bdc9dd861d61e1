/**
 * Divides what a recipe installed into its packages: debug information apart, each file into the first package that wants
 * it, dependencies on libraries from what the programs themselves say. `${D}` stays as it is: others stage it.
 */
import { chmod, copyFile, link, lstat, mkdir, readdir, readlink, rm, stat, symlink } from "node:fs/promises";
import { dirname, join } from "node:path";
import {
  BuildError,
  byText,
  commandFailed,
  hasCode,
  ifThere,
  isPlainName,
  run,
  sortedUnique,
} from "@tsbake/base";
import { list } from "@tsbake/base/data";
import * as v from "valibot";
import { assignFiles } from "./assign.js";
import { readElf } from "@tsbake/elf";
import type { Elf } from "@tsbake/elf";
import { walk } from "../layout/walk.js";
import { badName, noProvider, unshipped } from "../problems.js";
import { readShlibs, shlibKey } from "./shlibs.js";
import type { RecipeSpec } from "./spec.js";

export interface SplitRequest {
  readonly spec: RecipeSpec;
  /** `${D}`. */
  readonly from: string;
  /** One folder a package below it; emptied by the caller. */
  readonly into: string;
  /** Where libraries of other recipes say which package they are in. */
  readonly sysroot: string;
  readonly strip: string;
  readonly objcopy: string;
}

/** What writing a package needs beside its files. */
const SplitPackage = v.object({
  name: v.string(),
  /** From DT_NEEDED, sorted. */
  depends: list(v.string()),
  /** deb-shlibs lines of its libraries, sorted. */
  shlibs: list(v.string()),
});
export type SplitPackage = Readonly<v.InferOutput<typeof SplitPackage>>;

/** What `split` tells `write-deb`. */
export const SplitFacts = v.object({ packages: list(SplitPackage) });

interface ElfFile {
  readonly path: string;
  readonly elf: Elf;
}

/** @returns the packages that have files or may be empty. @throws BuildError `packaging/unshipped-files`, `packaging/no-library-provider` */
export async function splitPackages(request: SplitRequest): Promise<SplitPackage[]> {
  const { spec, from, into } = request;
  const scratch = join(into, ".debug");
  const paths = await installedPaths(from);
  const elves = await elvesOf(from, paths);
  const debug = await detachDebug(request, elves, scratch);
  const all = [...paths, ...debug.keys()].sort(byText);
  const { packages, unshipped: left } = assignFiles(all, spec.packages);
  if (left.length > 0 && !spec.allowUnshipped) throw new BuildError([unshipped(spec.recipe, left)]);
  for (const [name, files] of packages) {
    for (const path of files) await place(request, name, path, elves.get(path), debug.get(path));
  }
  await rm(scratch, { recursive: true, force: true });
  return describe(request, packages, elves);
}

/** Files, links and empty folders, as absolute paths, sorted. What the staging of sysroots put there is left out. */
async function installedPaths(from: string): Promise<string[]> {
  const leaves = await walk(from, (entry) => !entry.isDirectory());
  const folders = await walk(from, (entry) => entry.isDirectory());
  // dpkg's lists are lines, and nothing here changes a name.
  const bad = [...leaves, ...folders].filter((path) => !isPlainName(path) || path.includes("\n"));
  if (bad.length > 0) throw new BuildError(bad.map((path) => badName(path)));
  const empty: string[] = [];
  for (const folder of folders) if ((await readdir(join(from, folder))).length === 0) empty.push(folder);
  return [...leaves, ...empty].map((path) => `/${path}`).sort(byText);
}

async function elvesOf(from: string, paths: readonly string[]): Promise<Map<string, ElfFile>> {
  const found = new Map<string, ElfFile>();
  for (const path of paths) {
    const info = await lstat(join(from, path));
    const elf = info.isFile() ? await readElf(join(from, path)) : undefined;
    if (elf) found.set(path, { path, elf });
  }
  return found;
}

/** @returns path of each debug file in the package → where it is */
async function detachDebug(
  request: SplitRequest,
  elves: ReadonlyMap<string, ElfFile>,
  scratch: string,
): Promise<Map<string, string>> {
  const made = new Map<string, string>();
  for (const { path, elf } of elves.values()) {
    if (!elf.hasDebug || elf.kind === "relocatable") continue;
    const out = join(scratch, `${path}.debug`);
    await mkdir(dirname(out), { recursive: true });
    await tool(request.objcopy, ["--only-keep-debug", join(request.from, path), out]);
    await chmod(out, 0o644);
    made.set(`/usr/lib/debug${path}.debug`, out);
  }
  return made;
}

/** Puts one file into its package: stripped when it is a program or library, as it is otherwise. */
async function place(
  request: SplitRequest,
  name: string,
  path: string,
  elf: ElfFile | undefined,
  debugFile: string | undefined,
): Promise<void> {
  const out = join(request.into, name, path);
  await folders(request.from, join(request.into, name), dirname(path));
  if (debugFile) return copyFile(debugFile, out);
  const source = join(request.from, path);
  const info = await lstat(source);
  if (info.isDirectory()) {
    await mkdir(out);
    return chmod(out, info.mode & 0o7777);
  }
  if (info.isSymbolicLink()) return symlink(await readlink(source), out);
  const isArchive = path.endsWith(".a");
  if (!elf?.elf.hasSymbols && !isArchive) return linkOrCopy(source, out, info.mode & 0o7777);
  const how = isArchive || elf?.elf.kind === "relocatable" ? ["--strip-debug"] : ["--strip-unneeded"];
  const notes = ["--remove-section=.comment", "--remove-section=.note"];
  const flags = [...how, "--enable-deterministic-archives", ...(isArchive ? [] : notes)];
  await tool(request.strip, [...flags, "-o", out, source]);
  if (elf?.elf.hasDebug && elf.elf.kind !== "relocatable") {
    await tool(request.objcopy, [
      `--add-gnu-debuglink=${join(request.into, ".debug", `${path}.debug`)}`,
      out,
    ]);
  }
  await chmod(out, info.mode & 0o7777);
}

/** The folders above a file, with the modes that they have in ${D}. */
async function folders(from: string, into: string, folder: string): Promise<void> {
  const above = dirname(folder);
  if (above !== folder) await folders(from, into, above);
  const out = join(into, folder);
  try {
    await mkdir(out, { recursive: folder === "/" });
  } catch (error) {
    if (hasCode(error, "EEXIST")) return;
    throw error;
  }
  const found = await ifThere(stat(join(from, folder)));
  await chmod(out, found === undefined ? 0o755 : found.mode & 0o7777);
}

/** Another disk, too many links, a file system or a kernel setting that allows no link (fs.protected_hardlinks). */
const NO_LINK = ["EXDEV", "EMLINK", "EPERM", "ENOSYS", "EOPNOTSUPP"];

async function linkOrCopy(source: string, out: string, mode: number): Promise<void> {
  try {
    await link(source, out);
  } catch (error) {
    if (!hasCode(error, ...NO_LINK)) throw error;
    await copyFile(source, out);
    // Writing took set-id bits away, unless root wrote.
    await chmod(out, mode);
  }
}

async function tool(program: string, args: readonly string[]): Promise<void> {
  const done = await ifThere(run(program, args));
  if (done) return;
  const missing = {
    code: 127,
    signal: null,
    stdout: "",
    stderr: "no such program: add gcc-native to DEPENDS",
  };
  throw new BuildError([commandFailed(program, missing)]);
}

async function describe(
  request: SplitRequest,
  packages: ReadonlyMap<string, readonly string[]>,
  elves: ReadonlyMap<string, ElfFile>,
): Promise<SplitPackage[]> {
  const { spec } = request;
  const known = await readShlibs(request.sysroot);
  const own = new Map<string, string>();
  for (const [name, files] of packages) {
    for (const path of files) {
      const soname = elves.get(path)?.elf.soname;
      if (soname !== undefined) own.set(soname, name);
    }
  }
  const problems = [];
  const described: SplitPackage[] = [];
  for (const one of spec.packages) {
    const files = packages.get(one.name) ?? [];
    if (files.length === 0 && !one.allowEmpty) continue;
    const depends = new Set<string>();
    for (const path of files) {
      for (const soname of elves.get(path)?.elf.needed ?? []) {
        const home = own.get(soname);
        const other = known.get(shlibKey(soname) ?? "");
        if (home !== undefined) {
          if (home !== one.name) depends.add(`${home} (= ${spec.version})`);
        } else if (other !== undefined) for (const word of other.split(/\s*,\s*/)) depends.add(word);
        else problems.push(noProvider(path, soname, spec.recipe));
      }
    }
    const lines = files.flatMap((path) =>
      shlibLine(elves.get(path)?.elf.soname, path, one.name, spec.version),
    );
    described.push({ name: one.name, depends: [...depends].sort(byText), shlibs: sortedUnique(lines) });
  }
  if (problems.length > 0) throw new BuildError(problems);
  return described;
}

/** A library that others may link: it has a versioned soname and lies where the loader looks. */
function shlibLine(soname: string | undefined, path: string, name: string, version: string): string[] {
  const key = soname === undefined ? undefined : shlibKey(soname);
  return key !== undefined && isPublicLibrary(path) ? [`${key} ${name} (>= ${version})`] : [];
}

/** Directly in a folder of the loader's default path. */
function isPublicLibrary(path: string): boolean {
  return /^\/(?:usr\/)?lib(?:64)?(?:\/[^/]+-linux-[^/]+)?\/[^/]+\.so(?:\.|$)/.test(path);
}

/** The deb-shlibs lines of everything a recipe installed, for those who will link it; needs no splitting. */
export async function shlibsOf(spec: RecipeSpec, from: string): Promise<string[]> {
  const paths = await installedPaths(from);
  const elves = await elvesOf(from, paths);
  const { packages } = assignFiles(paths, spec.packages);
  const lines = [...packages].flatMap(([name, files]) =>
    files.flatMap((path) => shlibLine(elves.get(path)?.elf.soname, path, name, spec.version)),
  );
  return sortedUnique(lines);
}
