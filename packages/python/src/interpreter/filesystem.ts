/** The host's files inside the interpreter, at their own paths. */
import { lstatSync, readdirSync, readlinkSync } from "node:fs";

/** The part of Emscripten's FS that is used here. */
export interface EmscriptenFiles {
  mkdir(path: string): unknown;
  mount(type: unknown, options: { root: string }, at: string): unknown;
  symlink(target: string, path: string): unknown;
  readonly filesystems: { readonly NODEFS: unknown };
}

/** Kept as the interpreter has them: devices are its own, /lib holds its standard library. */
const KEPT = new Set(["dev", "lib"]);

/**
 * Mounts every folder of the host's `/` at its own path; a symbolic link there (`/bin`) becomes the same link.
 * The host's /lib, on a merged /usr a link itself, is reached entry by entry.
 */
export function mountHost(files: EmscriptenFiles): void {
  for (const name of readdirSync("/")) {
    if (!KEPT.has(name)) mountEntry(files, `/${name}`);
  }
  for (const name of readableEntries("/lib")) link(files, `/lib/${name}`, lib(name));
}

function mountEntry(files: EmscriptenFiles, path: string): void {
  const stat = lstatSync(path, { throwIfNoEntry: false });
  if (stat?.isSymbolicLink()) return link(files, path, readlinkSync(path));
  if (!stat?.isDirectory()) return;
  attempt(() => files.mkdir(path));
  attempt(() => files.mount(files.filesystems.NODEFS, { root: path }, path));
}

/** Where an entry of /lib is when /lib cannot be mounted: on a merged /usr in /usr/lib. */
function lib(name: string): string {
  return `/usr/lib/${name}`;
}

function readableEntries(path: string): string[] {
  try {
    return readdirSync(path);
  } catch {
    return [];
  }
}

function link(files: EmscriptenFiles, path: string, target: string): void {
  attempt(() => files.symlink(target, path));
}

/** A place that is there already, or that this user may not read, stays as it is. */
function attempt(work: () => unknown): void {
  try {
    work();
  } catch {
    return;
  }
}
