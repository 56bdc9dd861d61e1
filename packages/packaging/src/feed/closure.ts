/** What a set of root packages needs, all of it: a solved, verified list that signatures hash and tasks install from. */
import { BuildError, byText, readTextIfThere, sha256, sortedUnique } from "@tsbake/base";
import { byNameAndArchitecture } from "../database/database.js";
import { badClosure, closuresDisagree, otherContent } from "../problems.js";

/** A package that can be installed: from the feed or written by us. */
export interface AvailablePackage {
  readonly name: string;
  readonly version: string;
  readonly architecture: string;
  readonly sha256: string;
  readonly sizeBytes: number;
  /** The index stanza (`Package: …` to the last field), one final newline. */
  readonly stanza: string;
  /** Where the .deb is below its pool, e.g. `strace_6.1-0.1_amd64.deb`. */
  readonly file: string;
}

export interface ClosurePackage extends AvailablePackage {
  /** Where apt would fetch it. Not part of a signature: a mirror may differ. */
  readonly uri: string;
}

/** Goes down to libc6, whatever the host has. */
export interface Closure {
  /** Sorted. */
  readonly roots: readonly string[];
  /** Sorted by name, then architecture. */
  readonly packages: readonly ClosurePackage[];
}

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
  const text = await readTextIfThere(path);
  if (text === undefined) throw new BuildError([badClosure(path, "it is not there")]);
  const closure = parseClosure(text);
  if (typeof closure === "string") throw new BuildError([badClosure(path, closure)]);
  return closure;
}

/** The closure, or what is wrong with the text. Never throws. */
export function parseClosure(text: string): Closure | string {
  let data: unknown;
  try {
    data = JSON.parse(text);
  } catch {
    return "it is no JSON";
  }
  if (!isRecord(data) || data["tsbake-closure"] !== 1) return "it is no closure of this version";
  const { roots, packages } = data;
  if (!Array.isArray(roots) || !roots.every((one) => typeof one === "string"))
    return "`roots` is no list of names";
  if (!Array.isArray(packages)) return "`packages` is no list";
  const read: ClosurePackage[] = [];
  for (const [index, one] of packages.entries()) {
    const checked = toPackage(one);
    if (typeof checked === "string") return `package ${index + 1}: ${checked}`;
    read.push(checked);
  }
  return { roots, packages: read };
}

function toPackage(data: unknown): ClosurePackage | string {
  if (!isRecord(data)) return "it is no object";
  const { name, version, architecture, sha256: digest, sizeBytes, stanza, file, uri } = data;
  for (const [field, value] of Object.entries({ name, version, architecture, stanza, file, uri })) {
    if (typeof value !== "string" || value === "") return `\`${field}\` is no text`;
  }
  if (typeof digest !== "string" || !/^[0-9a-f]{64}$/.test(digest)) return "`sha256` is no SHA-256";
  if (typeof sizeBytes !== "number" || !Number.isSafeInteger(sizeBytes) || sizeBytes < 0)
    return "`sizeBytes` is no size";
  // The file's name becomes a path below the pool: nothing may lead out of it.
  if (!/^[A-Za-z0-9][A-Za-z0-9._+~%-]*$/.test(String(file))) return "`file` is no plain file name";
  return {
    name: String(name),
    version: String(version),
    architecture: String(architecture),
    sha256: digest,
    sizeBytes,
    stanza: String(stanza),
    file: String(file),
    uri: String(uri),
  };
}

function isRecord(data: unknown): data is Readonly<Record<string, unknown>> {
  return typeof data === "object" && data !== null && !Array.isArray(data);
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
