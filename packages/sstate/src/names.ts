/**
 * What an object is called: OE-core's layout, so that a mirror of one can hold the other.
 * @see OE-core meta/classes-global/sstate.bbclass, generate_sstatefn
 */
import { BuildError, TEMPORARY_NAME } from "@tsbake/base";
import { longName } from "./problems.js";

export interface ObjectName {
  /** SSTATE_PKGSPEC: `sstate:PN:arch-vendor-os:PV:PR:pkgarch:14:` */
  readonly spec: string;
  readonly unihash: string;
  /** With or without `do_`. */
  readonly task: string;
  /** NATIVELSBSTRING, a folder above the rest: for native, cross and crosssdk recipes. */
  readonly distro?: string;
}

/** Longest file name, less eight characters for `.siginfo`. */
const LONGEST = 254 - ".siginfo".length;
const EXTENSION = ".tar.zst";

/**
 * Path below the store's folder: `ab/cd/<spec><unihash>_<task>.tar.zst`. When the file name would be too long, the
 * three fields of the spec that only inform (architecture, version, revision) are cut to the same length.
 *
 * @throws BuildError `sstate/long-name`
 */
export function objectPath({ spec, unihash, task, distro }: ObjectName): string {
  const hash = unihash === "" ? "INVALID" : unihash;
  const tail = `${hash}_${task.replace(/^do_/, "")}${EXTENSION}`;
  const file = spec.length + tail.length > LONGEST ? `${shortened(spec, tail)}${tail}` : `${spec}${tail}`;
  const place = `${hash.slice(0, 2)}/${hash.slice(2, 4)}/${file}`;
  return distro === undefined ? place : `${distro}/${place}`;
}

function shortened(spec: string, tail: string): string {
  const fields = spec.split(":");
  // Seven colons; what remains is shared by the three.
  const fixed = [0, 1, 5, 6].reduce((sum, at) => sum + (fields[at] ?? "").length, 7 + tail.length);
  const room = Math.floor((LONGEST - fixed) / 3);
  const short = fields
    .map((field, at) => (at >= 2 && at <= 4 ? field.slice(0, Math.max(0, room)) : field))
    .join(":");
  if (room < 0 || short.length + tail.length > LONGEST) throw new BuildError([longName(spec)]);
  return short;
}

/** Below the store's folder: what comes from mirrors, until it is whole. */
export const INCOMING = ".incoming";

/** What a file in a store's folder is by its name; undefined for what is none of ours. */
export interface StoredFile {
  /** Path of the object that it belongs to. */
  readonly object: string;
  /** Without `do_`. */
  readonly task: string;
  readonly unihash: string;
  /** `write`: one that is under way or was broken off. */
  readonly kind: "object" | "sha256" | "sig" | "siginfo" | "bad" | "write";
}

/**
 * The form of our names: `ab/cd/<spec>abcd…_<task>.tar.zst` and what stands beside it. Everything else in the folder
 * belongs to other people.
 *
 * @param path relative to the store's folder
 */
export function storedFile(path: string): StoredFile | undefined {
  const parts = path.split("/");
  if (parts[0] === INCOMING) {
    // Parts of downloads, and the folders of processes, as `mirror/places.ts` makes them.
    const isOurs = /^\.incoming\/(?:[0-9a-f]{32}\.part|run-[\w-]+\/[^/]+)$/.test(path);
    return isOurs ? write(path) : undefined;
  }
  if (parts.length < 3 || parts.length > 4) return undefined;
  const [first, second, file] = parts.slice(-3);
  if (TEMPORARY_NAME.test(file!)) return write(path);
  // As they were called in an earlier version.
  const temporary = /^\.(?:[0-9a-f]{16}\.tmp(?:\.sig)?|(.+)\.\d+\.[0-9a-f]{12}\.tmp)$/.exec(file!);
  if (temporary) {
    const isOurs =
      temporary[1] === undefined
        ? /^\w\w\/\w\w$/.test(`${first}/${second}`)
        : fits(first!, second!, temporary[1]);
    return isOurs ? write(path) : undefined;
  }
  const found = fits(first!, second!, file!);
  if (!found) return undefined;
  const { suffix, task, unihash } = found;
  const object = suffix === "" ? path : path.slice(0, -suffix.length - 1);
  return { object, task, unihash, kind: suffix === "" ? "object" : suffix };
}

function write(path: string): StoredFile {
  return { object: path, task: "", unihash: "", kind: "write" };
}

/**
 * Whether what is in a store's folder belongs to an artifact of SSTATE_PKGSPEC, whatever its task and signature.
 *
 * @param path relative to the store's folder
 * @throws BuildError `sstate/long-name`
 */
export function isOfSpec(path: string, spec: string): boolean {
  const found = storedFile(path);
  if (!found || found.kind === "write") return false;
  const { object, unihash, task } = found;
  const above = object.split("/").slice(0, -3);
  const expected = objectPath({ spec, unihash, task, ...(above[0] !== undefined && { distro: above[0] }) });
  return object === expected || object === gzipPath(expected);
}

function fits(
  first: string,
  second: string,
  file: string,
): { suffix: "" | "sha256" | "sig" | "siginfo" | "bad"; task: string; unihash: string } | undefined {
  const shape = /^.*:([0-9A-Za-z]+)_(.+?)\.tar\.(?:zst|gz)(?:\.(sha256|sig|siginfo|bad))?$/.exec(file);
  const [, hash = "", task = "", suffix = ""] = shape ?? [];
  if (!shape || hash.slice(0, 2) !== first || hash.slice(2, 4) !== second) return undefined;
  return { suffix: suffix as "", task, unihash: hash };
}

/** The same object compressed with gzip: what a host without zstd writes, under a name that says so. */
export function gzipPath(path: string): string {
  return path.replace(/\.tar\.zst$/, ".tar.gz");
}
