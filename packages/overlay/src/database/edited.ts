/** Which files of packages are not as they were shipped, by what the database says of them. */
import { type DatabasePackage, type DatabaseState, isInstalled } from "./state.js";

/**
 * @param digests as the format has them, by path
 * @param place where a path of a package lies
 * @returns whether a file is another than its package brought; a path that no package says anything of is not
 */
export function editedBy(
  { packages }: DatabaseState,
  digests: ReadonlyMap<string, string>,
  place: (path: string) => string,
): (path: string) => boolean {
  const shipped = shippedDigests(packages.values(), place);
  return (path) => {
    const [was, is] = [shipped.get(path), digests.get(path)];
    return was !== undefined && is !== undefined && was !== is;
  };
}

/** By where each lies. */
export function shippedDigests(
  packages: Iterable<DatabasePackage>,
  place: (path: string) => string,
): Map<string, string> {
  const shipped = new Map<string, string>();
  for (const one of packages)
    if (isInstalled(one)) for (const [path, digest] of one.digests) shipped.set(place(path), digest);
  return shipped;
}

/** Paths that packages which are there list. */
export function listedPaths(
  packages: Iterable<DatabasePackage>,
  place: (path: string) => string,
): Set<string> {
  const paths = new Set<string>();
  for (const one of packages) if (isInstalled(one)) for (const path of one.files) paths.add(place(path));
  return paths;
}
