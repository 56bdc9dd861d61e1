/** Finds Debian's fakeroot: the daemon that remembers owners and the library that asks it. */
import { readdir, stat } from "node:fs/promises";
import { join, resolve } from "node:path";
import { BuildError, ifReachable, ifThere } from "@tsbake/base";
import { noFakeroot } from "./problems.js";

export interface Fakeroot {
  /** Absolute path of `faked-sysv`. */
  readonly daemon: string;
  /** File name of the library to preload. */
  readonly library: string;
  /** Absolute. */
  readonly libraryFolder: string;
}

const LIBRARY = "libfakeroot-sysv.so";

/**
 * Looks in `sysroot`, else in TSBAKE_FAKEROOT, else where PATH has the daemon (a native sysroot, or the host). The System V flavour: the other one talks TCP, and
 * there is no network inside.
 * @throws BuildError `sandbox/no-fakeroot`
 */
export async function findFakeroot(sysroot?: string): Promise<Fakeroot> {
  const folder = sysroot ?? process.env["TSBAKE_FAKEROOT"] ?? (await alongPath()) ?? "/";
  const daemon = join(folder, "usr/bin/faked-sysv");
  const libraries = join(folder, "usr/lib");
  for (const triplet of (await ifThere(readdir(libraries))) ?? []) {
    const libraryFolder = join(libraries, triplet, "libfakeroot");
    if ((await isThere(join(libraryFolder, LIBRARY))) && (await isThere(daemon))) {
      return { daemon, library: LIBRARY, libraryFolder };
    }
  }
  throw new BuildError([noFakeroot(folder)]);
}

/** The native sysroot with this folder of libfakeroot; undefined: it is the host's. */
export function sysrootOf(libraryFolder: string): string | undefined {
  const sysroot = resolve(libraryFolder, "../../../..");
  return sysroot === "/" ? undefined : sysroot;
}

async function alongPath(): Promise<string | undefined> {
  for (const folder of process.env["PATH"]?.split(":") ?? []) {
    if (folder.endsWith("/usr/bin") && (await isThere(join(folder, "faked-sysv"))))
      return join(folder, "../..");
  }
  return undefined;
}

/** Along PATH there may be folders that this user may not enter. */
async function isThere(path: string): Promise<boolean> {
  return (await ifReachable(stat(path))) !== undefined;
}
