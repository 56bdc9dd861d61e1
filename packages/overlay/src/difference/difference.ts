/** What an overlay is beyond its base: packages by the database, and files that no package accounts for. Pure. */
import { byText } from "@tsbake/base";
import type { RootEntry } from "@tsbake/sandbox";
import { ACCOUNT_FILES } from "../database/accounts.js";
import { listedPaths, shippedDigests } from "../database/edited.js";
import { type DatabasePackage, type DatabaseState, isInstalled, versionOf } from "../database/state.js";
import type { Look } from "../database/tree.js";

export interface AddedPackage {
  readonly name: string;
  readonly version: string;
  /** Nobody asked for it: another one needs it. */
  readonly isAutomatic: boolean;
}

export interface ChangedPackage {
  readonly name: string;
  readonly from: string;
  readonly to: string;
}

export interface ChangedFile {
  /** Absolute. */
  readonly path: string;
  readonly change: "made" | "edited" | "removed";
  readonly kind: RootEntry["kind"];
  readonly mode: number;
  readonly uid: number;
  readonly gid: number;
  /** Of a symlink. */
  readonly target: string;
  /** The package that ships the path. */
  readonly package?: string;
  /** The base has something there. */
  readonly isInBase: boolean;
}

export interface Difference {
  readonly added: readonly AddedPackage[];
  readonly changed: readonly ChangedPackage[];
  readonly removed: readonly { readonly name: string; readonly version: string }[];
  /** Made, edited or removed by hand; sorted by path. */
  readonly files: readonly ChangedFile[];
  /** Changed while dpkg was at work: an image that has the packages has these, too. */
  readonly byScripts: readonly string[];
}

export interface DifferenceInput {
  readonly base: DatabaseState;
  readonly own: DatabaseState;
  readonly upper: ReadonlyMap<string, RootEntry>;
  readonly baseTree: Look;
  readonly upperTree: Look;
  /** Of files of the upper folder, as the format has them. */
  readonly digests: ReadonlyMap<string, string>;
  readonly place: (path: string) => string;
  /** Whether a path was changed while dpkg was at work. */
  readonly isByScripts: (path: string) => boolean;
}

/** State of package managers and of shells, caches, and what the kernel and the build mount. */
const NOT_CHANGES =
  /^\/(?:var\/lib\/(?:dpkg|apt|opkg|rpm|dnf|systemd\/deb-systemd-[a-z-]*helper[a-z-]*|ucf|pam)|var\/cache|var\/log|var\/tmp|tmp|run|proc|sys|dev|etc\/alternatives)(?:\/|$)|^\/etc\/ld\.so\.cache$|^\/etc\/(?:passwd|group|shadow|gshadow|subuid|subgid)-$|^\/etc\/\.pwd\.lock$|^\/root\/\.(?:bash_history|lesshst|viminfo|wget-hsts)$|\/__pycache__(?:\/|$)/;

/** Pure: all that has been read of base and overlay comes in. */
export function differenceOf(input: DifferenceInput): Difference {
  const { base, own } = input;
  const added: AddedPackage[] = [];
  const changed: ChangedPackage[] = [];
  const removed: { name: string; version: string }[] = [];
  for (const [key, one] of own.packages) {
    if (!isInstalled(one)) continue;
    const before = base.packages.get(key);
    const name = nameOf(one);
    if (!isInstalled(before))
      added.push({ name, version: versionOf(one), isAutomatic: isAutomatic(own, one) });
    else if (versionOf(before) !== versionOf(one))
      changed.push({ name, from: versionOf(before), to: versionOf(one) });
  }
  for (const [key, one] of base.packages)
    if (isInstalled(one) && !isInstalled(own.packages.get(key)))
      removed.push({ name: nameOf(one), version: versionOf(one) });
  const byName = (left: { name: string }, right: { name: string }): number => byText(left.name, right.name);
  return {
    added: added.sort(byName),
    changed: changed.sort(byName),
    removed: removed.sort(byName),
    ...changedFiles(input),
  };
}

function nameOf({ stanza }: DatabasePackage): string {
  return stanza.get("Package") ?? "";
}

/** apt keeps what is for all architectures under its own. */
function isAutomatic({ automatic }: DatabaseState, { stanza }: DatabasePackage): boolean {
  const name = stanza.get("Package");
  return [...automatic.values()].some(
    (one) => one.get("Package") === name && one.get("Auto-Installed") === "1",
  );
}

function changedFiles(input: DifferenceInput): Pick<Difference, "files" | "byScripts"> {
  const { upper, isByScripts } = input;
  const listed = listedIn(input);
  const ours = [...upper.keys()]
    .sort(byText)
    .filter(
      (path) => !NOT_CHANGES.test(path) && !ACCOUNT_FILES.includes(path) && isOurs(path, input, listed),
    );
  const byHand = ours.filter((path) => !isByScripts(path));
  return {
    files: withoutMiddles(byHand.map((path) => changeOf(path, input, listed))),
    byScripts: ours.filter(isByScripts),
  };
}

/** What packages say of paths, before and now. */
interface Listed {
  /** Name of the package that ships a path now. */
  readonly owners: ReadonlyMap<string, string>;
  /** Paths of packages that have come or have another version. */
  readonly fresh: ReadonlySet<string>;
  /** Paths of packages of the base that have gone or had another version. */
  readonly gone: ReadonlySet<string>;
  /** Digests as fresh packages ship a path. */
  readonly shipped: ReadonlyMap<string, string>;
}

function listedIn({ base, own, place }: DifferenceInput): Listed {
  const fresh = [...own.packages].flatMap(([key, one]) => {
    const before = base.packages.get(key);
    const isNew = isInstalled(one) && (!isInstalled(before) || versionOf(before) !== versionOf(one));
    return isNew ? [one] : [];
  });
  const gone = [...base.packages].flatMap(([key, one]) => {
    const there = own.packages.get(key);
    return !isInstalled(there) || versionOf(there) !== versionOf(one) ? [one] : [];
  });
  const owners = new Map<string, string>();
  for (const one of own.packages.values())
    for (const path of listedPaths([one], place)) owners.set(path, nameOf(one));
  return {
    owners,
    fresh: listedPaths(fresh, place),
    gone: listedPaths(gone, place),
    shipped: shippedDigests(fresh, place),
  };
}

/** Whether what the upper folder has at a path is a change, and not what a package brought or took away. */
function isOurs(path: string, input: DifferenceInput, { owners, fresh, gone, shipped }: Listed): boolean {
  const { upper, baseTree, upperTree, digests } = input;
  const { kind } = upper.get(path)!;
  if (kind === "directory") return baseTree(path) === undefined && !owners.has(path);
  // A whiteout: it hides what the base has.
  if (kind === "character") return baseTree(path) !== undefined && !gone.has(path);
  if (fresh.has(path)) {
    const [was, is] = [shipped.get(path), digests.get(path)];
    return was !== undefined && is !== undefined && was !== is;
  }
  return upperTree(path) !== baseTree(path);
}

function changeOf(
  path: string,
  { upper, baseTree }: DifferenceInput,
  { owners, fresh }: Listed,
): ChangedFile {
  const { kind, mode, uid, gid, target } = upper.get(path)!;
  const isInBase = baseTree(path) !== undefined;
  const owner = owners.get(path);
  const isEdited = isInBase || fresh.has(path);
  return {
    path,
    change: kind === "character" ? "removed" : isEdited ? "edited" : "made",
    kind,
    mode,
    uid,
    gid,
    target,
    isInBase,
    ...(owner !== undefined && { package: owner }),
  };
}

/** Folders that something lies in need no word of their own, unless they are not as folders are. */
function withoutMiddles(files: readonly ChangedFile[]): ChangedFile[] {
  return files.filter(({ kind, path, mode, uid, gid }) => {
    if (kind !== "directory" || mode !== 0o755 || uid !== 0 || gid !== 0) return true;
    return !files.some((other) => other.path.startsWith(`${path}/`));
  });
}
