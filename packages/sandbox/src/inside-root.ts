/**
 * Paths of a root that this process touches itself. It sees the host, so it must not follow what packages brought: a link
 * is followed here as it will be on the target, with the root as its `/`, and never out of it. Right only while nothing
 * of a package runs.
 */
import { lstat, readdir, readlink } from "node:fs/promises";
import { join } from "node:path";
import { BuildError, fsPath, hasCode, nameOf } from "@tsbake/base";
import { leavesRoot } from "./problems.js";

/** As the kernel: more links are a loop. */
const MOST_LINKS = 40;

export interface InsideRoot {
  /** The root. */
  readonly root: string;
  /**
   * Where `path` lies, its folders' links followed, its own last part not. What is not there is taken for a folder.
   * @param path absolute in the root, or relative to it
   */
  place(path: string): Promise<string>;
  /** The same with the last part followed too. */
  follow(path: string): Promise<string>;
}

/** Remembers what links say: for a root whose folders stay as they are meanwhile. */
export function insideRoot(root: string): InsideRoot {
  const links = new Map<string, Promise<string | undefined>>();
  const linkAt = (path: string): Promise<string | undefined> => {
    const known = links.get(path) ?? targetOf(join(root, path));
    links.set(path, known);
    return known;
  };
  const walk = async (path: string, followsLast: boolean): Promise<string> => {
    const left = partsOf(path);
    let done: string[] = [];
    let count = 0;
    for (let part = left.shift(); part !== undefined; part = left.shift()) {
      if (part === "..") done.pop();
      else if (left.length === 0 && !followsLast) done.push(part);
      else {
        const target = await linkAt([...done, part].join("/"));
        if (target === undefined) done.push(part);
        else {
          count += 1;
          if (count > MOST_LINKS) throw new BuildError([leavesRoot(path, { at: `/${part}`, target })]);
          if (target.startsWith("/")) done = [];
          left.unshift(...partsOf(target));
        }
      }
    }
    return join(root, ...done);
  };
  return { root, place: (path) => walk(path, false), follow: (path) => walk(path, true) };
}

function partsOf(path: string): string[] {
  return path.split("/").filter((part) => part !== "" && part !== ".");
}

async function targetOf(path: string): Promise<string | undefined> {
  return readlink(fsPath(path), "buffer").then(nameOf, (error: unknown) => {
    if (!hasCode(error, "EINVAL", "ENOENT", "ENOTDIR")) throw error;
    return undefined;
  });
}

export interface Link {
  /** Absolute in the root. */
  readonly at: string;
  readonly target: string;
}

/** The first folder of `path` that is a link which a package manager outside of the root cannot follow. */
export async function linkOutOf(root: string, path: string): Promise<Link | undefined> {
  const parts = partsOf(path);
  for (let end = 1; end < parts.length; end++) {
    const at = parts.slice(0, end).join("/");
    const target = await targetOf(join(root, at));
    if (target !== undefined && leaves(at, target)) return { at: `/${at}`, target };
  }
  return undefined;
}

function leaves(at: string, target: string): boolean {
  if (target.startsWith("/")) return true;
  let depth = partsOf(at).length - 1;
  for (const part of partsOf(target)) {
    depth += part === ".." ? -1 : 1;
    if (depth < 0) return true;
  }
  return false;
}

/**
 * Looks whether `folder` and all below are folders and plain files, so that this process may read and write them.
 * @param folder relative to the root, e.g. `var/lib/dpkg`
 * @throws BuildError `sandbox/leaves-root` that names what is something else
 */
export async function refuseLinks(root: string, folder: string): Promise<void> {
  const parts = partsOf(folder);
  for (let end = 1; end <= parts.length; end++) {
    const at = parts.slice(0, end).join("/");
    if (!(await lstat(join(root, at))).isDirectory()) await refuse(root, at);
  }
  const left = [parts.join("/")];
  for (let at = left.pop(); at !== undefined; at = left.pop()) {
    for (const entry of await readdir(join(root, at), { withFileTypes: true })) {
      const path = `${at}/${entry.name}`;
      if (entry.isDirectory()) left.push(path);
      else if (!entry.isFile()) await refuse(root, path);
    }
  }
}

async function refuse(root: string, path: string): Promise<never> {
  const target = await targetOf(join(root, path));
  throw new BuildError([
    leavesRoot(`/${path}`, target === undefined ? undefined : { at: `/${path}`, target }),
  ]);
}
