/**
 * What an object is called: OE-core's layout, so that a mirror of one can hold the other.
 * @see OE-core meta/classes-global/sstate.bbclass, generate_sstatefn
 */
import { BuildError } from "@tsbake/base";
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

/** The same object compressed with gzip: what a host without zstd writes, under a name that says so. */
export function gzipPath(path: string): string {
  return path.replace(/\.tar\.zst$/, ".tar.gz");
}
