/** Which files of packages are not as they were shipped, by what dpkg's database says of them. */
import { type DpkgPackage, type DpkgState, listedFiles, isInstalled } from "./state.js";

/**
 * @param digests MD5 by path
 * @param place where a path of a package lies
 * @returns whether a file is another than its package brought; a path that no package says anything of is not
 */
export function editedBy(
  { packages }: DpkgState,
  digests: ReadonlyMap<string, string>,
  place: (path: string) => string,
): (path: string) => boolean {
  const shipped = shippedDigests(packages.values(), place);
  return (path) => {
    const [was, is] = [shipped.get(path), digests.get(path)];
    return was !== undefined && is !== undefined && was !== is;
  };
}

/** MD5 by absolute path: `md5sums` for files, `Conffiles` for configuration. */
export function shippedDigests(
  packages: Iterable<DpkgPackage>,
  place: (path: string) => string,
): Map<string, string> {
  const shipped = new Map<string, string>();
  for (const one of packages) {
    if (!isInstalled(one)) continue;
    for (const line of (one.info.get("md5sums") ?? "").split("\n")) {
      const [, digest, path] = /^([0-9a-f]{32}) {2}(.+)$/.exec(line) ?? [];
      if (digest !== undefined && path !== undefined) shipped.set(place(`/${path}`), digest);
    }
    for (const line of (one.stanza.get("Conffiles") ?? "").split("\n")) {
      const [, path, digest] = /^ (\/.*?) ([0-9a-f]{32})/.exec(line) ?? [];
      if (digest !== undefined && path !== undefined) shipped.set(place(path), digest);
    }
  }
  return shipped;
}

/** Paths that packages which are there list. */
export function listedPaths(packages: Iterable<DpkgPackage>, place: (path: string) => string): Set<string> {
  const paths = new Set<string>();
  for (const one of packages)
    if (isInstalled(one)) for (const path of listedFiles(one)) paths.add(place(path));
  return paths;
}
