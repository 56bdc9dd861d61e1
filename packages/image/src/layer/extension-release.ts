/** The stamp by which systemd-sysext decides whether an extension fits a base. */
import { BuildError } from "@tsbake/base";
import type { ExtensionKind } from "./extension-kind.js";
import { EXTENSION_KINDS } from "./extension-kind.js";
import { systemdArchitecture } from "../formats/architecture.js";
import { formatOsRelease, type OsRelease } from "../snapshot/os-release.js";
import * as problems from "../problems.js";

/**
 * What the extension is tied to: `version` to every base with the same ID and VERSION_ID,
 * `pkgdb` to the one base whose package database it was built on.
 */
export type LevelPolicy = "version" | "pkgdb";

export const LEVEL_POLICIES: readonly LevelPolicy[] = ["version", "pkgdb"];

/** Fields of a base's os-release that say which package database it has, for either kind of extension. */
export const LEVELS = ["SYSEXT_LEVEL", "CONFEXT_LEVEL"] as const;

/** Where systemd looks: the file's suffix must be the image's name without `.raw`. */
export function extensionReleasePath(name: string, kind: ExtensionKind = EXTENSION_KINDS.sysext): string {
  return `${kind.releases}/extension-release.${name}`;
}

export interface ExtensionStamp {
  /** Image name without `.raw`. */
  readonly name: string;
  /** Default: what systemd-sysext merges. */
  readonly kind?: ExtensionKind | undefined;
  /** The base's os-release, from its snapshot. */
  readonly base: OsRelease;
  /** The base's package database digest, 64 hex digits. */
  readonly pkgdbDigest: string;
  readonly policy: LevelPolicy;
  /** The distribution's name, e.g. `amd64`; `all` or `any` for an extension without machine code. */
  readonly architecture: string;
  /** Words of SYSEXT_SCOPE: `system`, `initrd`, `portable`. */
  readonly scope: readonly string[];
  readonly id?: string | undefined;
  readonly version?: string | undefined;
  /** The extension ships units, so the manager must read them again after a merge. */
  readonly reloadManager: boolean;
  /** Names of the extensions that it is built on, the lowest first. */
  readonly needs?: readonly string[];
}

/** Not one of systemd's, which passes over it: extensions without which this one does not work. */
export const NEEDS_FIELD = "TSBAKE_NEEDS";

/**
 * The level that ties an extension to one package database. 64 bits of the digest: enough to tell bases apart,
 * short enough to read out. os-release(5) allows lower-case letters, digits and `. _ -`.
 */
export function levelOf(pkgdbDigest: string): string {
  return `pkgdb-${pkgdbDigest.slice(0, 16)}`;
}

/**
 * The text of extension-release.
 *
 * @throws BuildError `image/no-base-id` when the base's os-release has no ID or, for policy `version`, no
 *   VERSION_ID; `image/bad-extension-name`; `image/bad-scope`; `image/unknown-architecture`
 * @see os-release(5), section on extension-release files
 */
export function extensionRelease(stamp: ExtensionStamp): string {
  checkName(stamp.name);
  const { prefix } = stamp.kind ?? EXTENSION_KINDS.sysext;
  const fields = new Map<string, string>();
  fields.set("ID", baseField(stamp.base, "ID"));
  if (stamp.policy === "version") fields.set("VERSION_ID", baseField(stamp.base, "VERSION_ID"));
  // VERSION_ID stays away here: beside a level it would let in a base that has no level at all.
  else fields.set(`${prefix}_LEVEL`, levelOf(stamp.pkgdbDigest));
  const anywhere = stamp.architecture === "all" || stamp.architecture === "any";
  fields.set("ARCHITECTURE", anywhere ? "_any" : systemdArchitecture(stamp.architecture));
  if (stamp.scope.length > 0) fields.set(`${prefix}_SCOPE`, checkedScope(stamp.scope));
  if (stamp.id) fields.set(`${prefix}_ID`, stamp.id);
  if (stamp.version) fields.set(`${prefix}_VERSION_ID`, stamp.version);
  if (stamp.reloadManager) fields.set("EXTENSION_RELOAD_MANAGER", "1");
  if (stamp.needs && stamp.needs.length > 0) fields.set(NEEDS_FIELD, stamp.needs.join(" "));
  return formatOsRelease(fields);
}

/** @throws BuildError `image/bad-extension-name` unless `name` can be a file name and a systemd image name */
function checkName(name: string): void {
  if (!/^[A-Za-z0-9_][A-Za-z0-9._+-]*$/.test(name) || name.endsWith(".raw")) {
    throw new BuildError([problems.badExtensionName(name)]);
  }
}

function baseField(base: OsRelease, field: string): string {
  const value = base.get(field);
  if (!value) throw new BuildError([problems.noBaseField(field)]);
  return value;
}

function checkedScope(scope: readonly string[]): string {
  const bad = scope.find((word) => !["system", "initrd", "portable"].includes(word));
  if (bad !== undefined) throw new BuildError([problems.badScope(bad)]);
  return scope.join(" ");
}
