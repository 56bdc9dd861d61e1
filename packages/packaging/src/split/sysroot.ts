/**
 * Private sysroots: hard-links what the declared dependencies of a recipe staged into its two sysroot folders.
 *
 * Native dependencies count where they are declared only: a compiler that a library was built with is no business of
 * the library's users. Target dependencies count all the way down, since a linker follows them.
 */
import { chmodSync, linkSync, lstatSync, mkdirSync, readdirSync, readlinkSync, symlinkSync } from "node:fs";
import { join } from "node:path";
import { BuildError, byText, hasCode, sameEntry } from "@tsbake/base";
import type { TaskDependency } from "@tsbake/base/data";
import { sysrootClash, sysrootMissing } from "../problems.js";

/** What it goes by of a task below the asking one. */
export type StagedDependency = Pick<TaskDependency, "id" | "pn" | "task" | "depends" | "outputs">;

export interface SysrootRequest {
  /** The task that asks: its dependencies on `ready` are the declared ones. */
  readonly asking: StagedDependency;
  /** The task whose edges are the DEPENDS of each recipe, `do_sysroot_ready`. */
  readonly ready: string;
  /** Of the asking task, all the way down. */
  readonly dependencies: readonly StagedDependency[];
  /** Folder below which the staged trees of all recipes lie. */
  readonly components: string;
  readonly target: string;
  readonly native: string;
}

/** Where recipes have staged their files: the folder below the components that one of their tasks installs into. */
function stagedFolders({ dependencies, components }: SysrootRequest): Map<string, string> {
  const folders = new Map<string, string>();
  for (const { pn, outputs = [] } of dependencies) {
    const folder = outputs.find((path) => path.startsWith(`${components}/`));
    if (folder !== undefined && !folders.has(pn)) folders.set(pn, folder);
  }
  return folders;
}

/** Which recipes are staged where, sorted. */
function chooseComponents(request: SysrootRequest): { native: string[]; target: string[] } {
  const byId = new Map(request.dependencies.map((one) => [one.id, one]));
  const native = new Set<string>();
  const target = new Set<string>();
  const visit = (from: StagedDependency, isDeclared: boolean): void => {
    for (const id of from.depends) {
      const one = byId.get(id);
      if (!one || one.task !== request.ready || one.pn === request.asking.pn) continue;
      if (isNative(one.pn)) {
        if (isDeclared) native.add(one.pn);
      } else if (!target.has(one.pn)) {
        target.add(one.pn);
        visit(one, false);
      }
    }
  };
  visit(request.asking, true);
  return { native: [...native].sort(byText), target: [...target].sort(byText) };
}

/** BitBake's convention: the class `native` goes with this suffix. */
function isNative(pn: string): boolean {
  return pn.endsWith("-native");
}

/**
 * Fills both folders. Returns how many files each got.
 *
 * @throws BuildError `packaging/sysroot-clash` when two recipes stage different things under one name,
 *   `packaging/sysroot-missing` when a component is not there
 */
export function stageSysroots(request: SysrootRequest): { native: number; target: number } {
  const chosen = chooseComponents(request);
  const folders = stagedFolders(request);
  const fill = (names: readonly string[], into: string): number => {
    mkdirSync(into, { recursive: true });
    const owners = new Map<string, string>();
    let files = 0;
    for (const name of names) {
      const from = folders.get(name) ?? join(request.components, name);
      try {
        lstatSync(from);
      } catch (error) {
        if (hasCode(error, "ENOENT")) throw new BuildError([sysrootMissing(name, from)]);
        throw error;
      }
      files += linkTree({ from, into, path: "", owner: name, owners });
    }
    return files;
  };
  return { native: fill(chosen.native, request.native), target: fill(chosen.target, request.target) };
}

interface LinkRequest {
  readonly from: string;
  readonly into: string;
  /** Relative to both. */
  readonly path: string;
  readonly owner: string;
  /** Path → the recipe that was first. */
  readonly owners: Map<string, string>;
}

/** @returns how many files and links were made */
function linkTree(request: LinkRequest): number {
  const { from, into, owner, owners } = request;
  let files = 0;
  for (const entry of readdirSync(join(from, request.path), { withFileTypes: true })) {
    const path = join(request.path, entry.name);
    const source = join(from, path);
    const destination = join(into, path);
    try {
      if (entry.isDirectory()) {
        mkdirSync(destination);
        // The umask takes nothing away, as it takes nothing from a folder that two recipes have.
        chmodSync(destination, lstatSync(source).mode & 0o7777);
      } else {
        if (entry.isSymbolicLink()) symlinkSync(readlinkSync(source), destination);
        else linkSync(source, destination);
        files++;
      }
      owners.set(path, owner);
    } catch (error) {
      if (!hasCode(error, "EEXIST")) throw error;
      if (entry.isDirectory() && lstatSync(destination).isDirectory()) {
        widen(destination, lstatSync(source).mode & 0o7777);
      } else if (!sameEntry(source, destination)) {
        throw new BuildError([sysrootClash(path, owner, owners.get(path) ?? "another recipe")]);
      }
    }
    if (entry.isDirectory()) files += linkTree({ ...request, path });
  }
  return files;
}

/** A folder of two recipes has what any of them gives it, in whatever order. */
function widen(folder: string, mode: number): void {
  const before = lstatSync(folder).mode & 0o7777;
  if ((mode & ~before) !== 0) chmodSync(folder, before | mode);
}
