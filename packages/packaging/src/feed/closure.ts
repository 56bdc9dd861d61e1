/** What a set of root packages needs, all of it: a solved, verified list that signatures hash and tasks install from. */
import { BuildError, byText, readTextIfThere, sha256, sortedUnique } from "@tsbake/base";
import { digest, filled, list, readData, size } from "@tsbake/base/data";
import * as v from "valibot";
import { byNameAndArchitecture } from "../database/database.js";
import { badClosure, closuresDisagree, otherContent } from "../problems.js";

/** A package that can be installed: from the feed or written by us. */
const AvailablePackage = v.object({
  name: filled,
  version: filled,
  architecture: filled,
  sha256: digest,
  sizeBytes: size,
  /** The index stanza (`Package: …` to the last field), one final newline. */
  stanza: filled,
  /** Where the .deb is below its pool, e.g. `strace_6.1-0.1_amd64.deb`: nothing may lead out of it. */
  file: v.pipe(v.string(), v.regex(/^[A-Za-z0-9][A-Za-z0-9._+~%-]*$/, "it is no plain file name")),
});
export type AvailablePackage = Readonly<v.InferOutput<typeof AvailablePackage>>;

const ClosurePackage = v.object({
  ...AvailablePackage.entries,
  /** Where apt would fetch it. Not part of a signature: a mirror may differ. */
  uri: filled,
});
export type ClosurePackage = Readonly<v.InferOutput<typeof ClosurePackage>>;

const ClosureFile = v.object({
  "tsbake-closure": v.literal(1),
  /** Sorted. */
  roots: list(v.string()),
  /** Sorted by name, then architecture. */
  packages: list(ClosurePackage),
});
/** Goes down to libc6, whatever the host has. */
export type Closure = Readonly<Omit<v.InferOutput<typeof ClosureFile>, "tsbake-closure">>;

/** What a signature takes in: names, versions and contents, not where they come from. 64 hex digits. */
export function closureDigest(closure: Closure): string {
  const lines = closure.packages.map((one) => `${one.name} ${one.version} ${one.architecture} ${one.sha256}`);
  return sha256(["closure 1", ...closure.roots, "", ...lines].join("\n"));
}

/** The file form: JSON with sorted contents, the same bytes for the same closure. */
export function writeClosure(closure: Closure): string {
  return `${JSON.stringify({ "tsbake-closure": 1, roots: closure.roots, packages: closure.packages }, undefined, 1)}\n`;
}

/** @throws BuildError `packaging/bad-closure` */
export async function readClosure(path: string): Promise<Closure> {
  const found = await readTextIfThere(path);
  if (found === undefined) throw new BuildError([badClosure(path, "it is not there")]);
  return parseClosure(found, path);
}

/** @param path what to call the text in an error. @throws BuildError `packaging/bad-closure` */
export function parseClosure(found: string, path: string): Closure {
  const { roots, packages } = readData(ClosureFile, found, (reason) => badClosure(path, reason));
  return { roots, packages };
}

/** @throws BuildError `packaging/other-content` for one version with two contents, with where both are */
export function demandOneContent(packages: readonly ClosurePackage[]): void {
  const known = new Map<string, ClosurePackage>();
  for (const one of packages) {
    const key = `${one.name} ${one.version} ${one.architecture}`;
    const other = known.get(key);
    if (other !== undefined && other.sha256 !== one.sha256) {
      const contents = [other, one].map(({ sha256: digest, uri }) => `${digest} (${uri})`);
      throw new BuildError([otherContent(one.name, one.version, contents)]);
    }
    known.set(key, one);
  }
}

/** Joins closures. @throws BuildError `packaging/closures-disagree` when one name has two versions, `packaging/other-content` */
export function mergeClosures(closures: readonly Closure[]): Closure {
  const packages = new Map<string, ClosurePackage>();
  for (const one of closures.flatMap((closure) => closure.packages)) {
    const key = `${one.name}:${one.architecture}`;
    const other = packages.get(key);
    if (other && other.version === one.version && other.sha256 !== one.sha256) {
      throw new BuildError([otherContent(one.name, one.version, [other.sha256, one.sha256].sort(byText))]);
    }
    if (other && other.sha256 !== one.sha256) {
      throw new BuildError([closuresDisagree(one.name, [other.version, one.version].sort(byText))]);
    }
    packages.set(key, one);
  }
  return {
    roots: sortedUnique(closures.flatMap((closure) => closure.roots)),
    packages: [...packages.values()].sort(byNameAndArchitecture),
  };
}
