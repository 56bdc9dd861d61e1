/**
 * What has to be done to the files of an overlay when its base has been built anew, so that they agree with the merged database; and
 * which of them hide what is new in the base. A pure function of what is where.
 */
import { byText } from "@tsbake/base";
import { ACCOUNT_FILES } from "./accounts.js";
import type { Merged, Origin } from "./merge.js";
import { type DatabasePackage, type DatabaseState, isInstalled, versionOf } from "./state.js";

export interface UpperEntry {
  /** `whiteout`: the path of the base is hidden. */
  readonly kind: "file" | "directory" | "symlink" | "whiteout" | "other";
}

/** What a path of a tree is, as one text: kind, mode, owner and content; undefined: nothing is there. */
export type Look = (path: string) => string | undefined;

export interface TreeInput {
  readonly old: DatabaseState;
  readonly own: DatabaseState;
  readonly next: DatabaseState;
  readonly merged: Merged;
  /** By absolute path. */
  readonly upper: ReadonlyMap<string, UpperEntry>;
  /** Of the base of before and of now, and of the upper folder; of folders, only that they are one (`directory`). */
  readonly oldTree: Look;
  readonly nextTree: Look;
  readonly upperTree: Look;
  /** Where a path of a package's list lies: folders may be links (/lib → usr/lib). */
  readonly place: (path: string) => string;
  /** Files of packages that were edited after they were installed, by what the overlay's database says of them. */
  readonly isEdited: (path: string) => boolean;
}

export interface Shadow {
  readonly path: string;
  /** The package of the base that has it there. */
  readonly owner?: string;
  readonly isRemoved: boolean;
}

/** In this order. */
export interface TreeChanges {
  /** Entries of the upper folder that go: the base's show again. */
  readonly drop: readonly string[];
  /**
   * Folders that were made in the overlay and are in the base of now: they show what that has in them. overlayfs marks a folder that
   * is renamed into its place, as dpkg does with each that it makes, as hiding what is below.
   */
  readonly uncover: readonly string[];
  /** Paths that are removed in the overlay. */
  readonly remove: readonly string[];
  /** Files of the base of now that are put elsewhere: where to → where from. */
  readonly copies: ReadonlyMap<string, string>;
  /** Links that are made, over what is there. */
  readonly links: ReadonlyMap<string, string>;
  /** Account files that are merged line by line. */
  readonly accounts: readonly string[];
  readonly shadows: readonly Shadow[];
}

/** Of the package managers, of the kernel and of nobody. */
const NOT_LOOKED_AT =
  /^\/(?:var\/lib\/(?:dpkg|apt|opkg|rpm|dnf)|var\/cache|var\/log|var\/tmp|tmp|run|proc|sys|dev|etc\/alternatives)(?:\/|$)|^\/etc\/ld\.so\.cache$/;
const ALTERNATIVES = "/etc/alternatives/";

/** Reads nothing and writes nothing: who calls it does what it says. */
export function treeChanges(input: TreeInput): TreeChanges {
  const { own, next, merged, upper, nextTree, oldTree, upperTree, isEdited, place } = input;
  const placed = (one: DatabasePackage): string[] => one.files.map(place);
  const drop = new Set<string>();
  const remove = new Set<string>();
  const owners = ownersOf(merged, placed);
  const isDiverted = (path: string): boolean => merged.state.diversions.has(path);
  for (const { key, fate } of merged.fates) {
    const [there, now] = [own.packages.get(key), next.packages.get(key)];
    if (fate === "now in the base") dropOwnFiles(there!, now!);
    // What the base brings of it, newly or not, is not there.
    else if (isInstalled(now)) removeBaseFiles(now);
  }

  function dropOwnFiles(there: DatabasePackage, now: DatabasePackage): void {
    for (const path of placed(there)) {
      const entry = upper.get(path);
      if (!entry || owners.get(path)?.has("overlay") || isDiverted(path)) continue;
      if (entry.kind !== "directory" && !isEdited(path)) drop.add(path);
    }
    for (const path of placed(now))
      if (upper.get(path)?.kind === "whiteout" && !isDiverted(path)) drop.add(path);
  }

  function removeBaseFiles(now: DatabasePackage): void {
    for (const path of placed(now)) {
      const found = nextTree(path);
      if (found === undefined || found === "directory" || owners.has(path) || upper.has(path)) continue;
      remove.add(path);
    }
  }

  for (const [path, { kind }] of upper) {
    // Nothing is there any more that it would hide.
    if (kind === "whiteout" && nextTree(path) === undefined) drop.add(path);
  }
  const copies = divertedCopies(input, drop);
  const links = alternativeLinks(input, drop, remove);
  const accounts = ACCOUNT_FILES.filter(
    (path) => upper.get(path)?.kind === "file" && oldTree(path) !== nextTree(path),
  );
  const baseOwners = ownerNames(next, placed);
  const shadows: Shadow[] = [];
  const stayRemoved = removedFiles(input);
  for (const [path, { kind }] of [...upper].sort(([left], [right]) => byText(left, right))) {
    if (kind === "directory" || drop.has(path) || copies.has(path) || accounts.includes(path)) continue;
    if (NOT_LOOKED_AT.test(path) || owners.get(path)?.has("overlay") || stayRemoved.has(path)) continue;
    const [before, now] = [oldTree(path), nextTree(path)];
    if (now === undefined || now === "directory" || before === now || isDiverted(path)) continue;
    if (kind !== "whiteout" && upperTree(path) === now) {
      // By now they are the same.
      drop.add(path);
      continue;
    }
    const owner = baseOwners.get(path);
    shadows.push({ path, ...(owner !== undefined && { owner }), isRemoved: kind === "whiteout" });
  }
  return {
    drop: [...drop].sort(byText),
    uncover: [...upper].flatMap(([path, { kind }]) =>
      kind === "directory" && oldTree(path) === undefined && nextTree(path) === "directory" ? [path] : [],
    ),
    remove: [...remove].sort(byText),
    copies,
    links,
    accounts,
    shadows,
  };
}

/** Which sides have packages with a path, in the merged database. */
function ownersOf(
  { state, origins }: Merged,
  placed: (one: DatabasePackage) => string[],
): Map<string, Set<Origin>> {
  const owners = new Map<string, Set<Origin>>();
  for (const [key, one] of state.packages) {
    // A removed package has its configuration files in its list.
    for (const path of placed(one)) {
      const sides = owners.get(path) ?? new Set<Origin>();
      owners.set(path, sides.add(origins.get(key)!));
    }
  }
  return owners;
}

/** `name version` of the package that has a path there. */
function ownerNames(
  { packages }: DatabaseState,
  placed: (one: DatabasePackage) => string[],
): Map<string, string> {
  const names = new Map<string, string>();
  for (const one of packages.values())
    if (isInstalled(one))
      for (const path of placed(one)) names.set(path, `${one.stanza.get("Package")} ${versionOf(one)}`);
  return names;
}

/** Of the packages that stay removed, in the base of before or of now. */
function removedFiles({ old, next, merged, place }: TreeInput): Set<string> {
  const removed = merged.fates.filter(({ fate }) => fate === "stays removed");
  return new Set(
    removed.flatMap(({ key }) =>
      [old, next].flatMap(({ packages }) => {
        const one = packages.get(key);
        return one === undefined ? [] : one.files.map(place);
      }),
    ),
  );
}

/** What the overlay diverted and left as it was is as the base has it now. */
function divertedCopies(
  { own, old, merged, upper, oldTree, nextTree, upperTree }: TreeInput,
  drop: Set<string>,
): Map<string, string> {
  const copies = new Map<string, string>();
  for (const [path, { to }] of merged.state.diversions) {
    const isOwn = own.diversions.get(path)?.to === to && old.diversions.get(path)?.to !== to;
    if (!isOwn || upper.get(to)?.kind === undefined || upperTree(to) !== oldTree(path)) continue;
    const now = nextTree(path);
    if (now === oldTree(path)) continue;
    if (now === undefined) drop.add(to);
    else copies.set(to, path);
  }
  return copies;
}

function alternativeLinks(
  { own, merged, upper, nextTree, next }: TreeInput,
  drop: Set<string>,
  remove: Set<string>,
): Map<string, string> {
  const links = new Map<string, string>();
  const known = new Set([...merged.state.links.keys(), ...own.links.keys(), ...next.links.keys()]);
  for (const name of [...known].sort(byText)) {
    const path = ALTERNATIVES + name;
    const wanted = merged.state.links.get(name);
    if (wanted === next.links.get(name)) {
      if (upper.has(path)) drop.add(path);
    } else if (wanted !== undefined) links.set(path, wanted);
    else if (nextTree(path) !== undefined) remove.add(path);
    else if (upper.has(path)) drop.add(path);
  }
  return links;
}
