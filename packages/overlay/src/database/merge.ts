/**
 * The package database of an overlay whose base has been built anew: made of three others (of the base of before, of the overlay, of the
 * base of now), package by package. What the overlay did stays done: what it installed is there, once; what it removed stays
 * removed. All else is as the base has it now.
 */
import { byText } from "@tsbake/base";
import { compareDebVersions, parseRelations, type Stanza } from "@tsbake/packaging";
import { linksOf, mergeGroup, parseGroup, writeGroup } from "./alternatives.js";
import { type DpkgPackage, type DpkgState, isInstalled, packageState, versionOf } from "./state.js";

export type Origin = "base" | "overlay";

/** What became of a package that the overlay had changed. */
export type Fate =
  /** Installed by the overlay, and it stays. */
  | "kept"
  /** Removed by the overlay, and it stays so. */
  | "stays removed"
  /** Installed by the overlay; the base has it now, as new or newer. */
  | "now in the base"
  /** The base had it, and has not any more. */
  | "gone from the base";

export interface PackageFate {
  /** `name:architecture`. */
  readonly key: string;
  readonly fate: Fate;
  /** As it is now; as the base has it, where that is another one. */
  readonly version: string;
  readonly baseVersion?: string;
}

export interface Merged {
  readonly state: DpkgState;
  /** Where each package's stanza and files come from. */
  readonly origins: ReadonlyMap<string, Origin>;
  /** Sorted by key. */
  readonly fates: readonly PackageFate[];
}

/** @param old the base of before @param own as the overlay shows it @param next the base of now */
export function mergeDatabases(old: DpkgState, own: DpkgState, next: DpkgState): Merged {
  const packages = new Map<string, DpkgPackage>();
  const origins = new Map<string, Origin>();
  const fates: PackageFate[] = [];
  for (const key of keysOf(old.packages, own.packages, next.packages)) {
    const [before, there, now] = [old, own, next].map(({ packages: all }) => all.get(key));
    const decided = decide(before, there, now);
    if (decided.from !== undefined) {
      packages.set(key, decided.from);
      origins.set(key, decided.from === there ? "overlay" : "base");
    }
    if (decided.fate === undefined) continue;
    const baseVersion = isInstalled(now) ? versionOf(now) : undefined;
    const version = decided.from ? versionOf(decided.from) : versionOf((there ?? before)!);
    const isOther = baseVersion !== undefined && baseVersion !== version;
    fates.push({ key, fate: decided.fate, version, ...(isOther && { baseVersion }) });
  }
  const { alternatives, links } = mergeAlternatives(old, own, next);
  const state: DpkgState = {
    packages,
    alternatives,
    links,
    diversions: mergeByKey(old.diversions, own.diversions, next.diversions, (one) => `${one.to} ${one.by}`),
    overrides: mergeByKey(old.overrides, own.overrides, next.overrides, (one) => one),
    triggers: mergeTriggers(own, next, origins),
    automatic: mergeAutomatic(old, own, next, packages),
  };
  return { state, origins, fates };
}

interface Decision {
  /** What is in the database; undefined: nothing. */
  readonly from?: DpkgPackage;
  readonly fate?: Fate;
}

function decide(
  old: DpkgPackage | undefined,
  own: DpkgPackage | undefined,
  next: DpkgPackage | undefined,
): Decision {
  if (!isInstalled(own)) {
    // Never there, or only its configuration on both sides.
    if (!isInstalled(old)) return isInstalled(next) ? { from: next } : from(own ?? next);
    return isInstalled(next) ? { ...from(own), fate: "stays removed" } : {};
  }
  const isOwn =
    !isInstalled(old) || versionOf(old) !== versionOf(own) || packageState(old) !== packageState(own);
  if (!isOwn) {
    if (next === undefined) return { fate: "gone from the base" };
    return { from: wanted(own, old, next) };
  }
  if (!isInstalled(next)) return { from: own, fate: "kept" };
  // Half-installed is nobody's wish.
  const isAsNew = compareDebVersions(versionOf(next), versionOf(own)) >= 0;
  return isAsNew ? { from: next, fate: "now in the base" } : { from: own, fate: "kept" };
}

function from(one: DpkgPackage | undefined): Decision {
  return one === undefined ? {} : { from: one };
}

/** What a person asked dpkg for (`hold`) stays with the base's package. */
function wanted(own: DpkgPackage, old: DpkgPackage | undefined, next: DpkgPackage): DpkgPackage {
  const want = (one: DpkgPackage | undefined): string => one?.stanza.get("Status")?.split(" ")[0] ?? "";
  if (want(own) === want(old)) return next;
  const status = next.stanza.get("Status") ?? "";
  const stanza = new Map(next.stanza).set("Status", status.replace(/^\S+/, want(own)));
  return { ...next, stanza };
}

function keysOf(...maps: readonly ReadonlyMap<string, unknown>[]): string[] {
  return [...new Set(maps.flatMap((one) => [...one.keys()]))].sort(byText);
}

/** What the overlay changed is as it left it, all else is the base's. */
function mergeByKey<Value>(
  old: ReadonlyMap<string, Value>,
  own: ReadonlyMap<string, Value>,
  next: ReadonlyMap<string, Value>,
  textOf: (one: Value) => string,
): Map<string, Value> {
  const merged = new Map<string, Value>();
  const text = (one: Value | undefined): string => (one === undefined ? "" : textOf(one));
  for (const key of keysOf(old, own, next)) {
    const isOwn = text(own.get(key)) !== text(old.get(key));
    const value = (isOwn ? own : next).get(key);
    if (value !== undefined) merged.set(key, value);
  }
  return merged;
}

function mergeAlternatives(
  old: DpkgState,
  own: DpkgState,
  next: DpkgState,
): Pick<DpkgState, "alternatives" | "links"> {
  const alternatives = new Map<string, string>();
  const links = new Map<string, string>();
  for (const name of keysOf(old.alternatives, own.alternatives, next.alternatives)) {
    const texts = [old, own, next].map((one) => one.alternatives.get(name));
    const [before, there, now] = texts.map((text) => (text === undefined ? undefined : parseGroup(text)));
    const isUnchanged = texts[0] === texts[1] && old.links.get(name) === own.links.get(name);
    const merged = isUnchanged ? now : mergeGroup(before, there, now);
    if (merged === undefined) continue;
    alternatives.set(name, isUnchanged ? texts[2]! : writeGroup(merged));
    const base = next.links.get(name);
    const current = isUnchanged ? base : merged.isManual ? own.links.get(name) : undefined;
    for (const [link, path] of linksOf(name, merged, current)) links.set(link, path);
  }
  return { alternatives, links };
}

/** Each interest is a package's: it is where the package is from. */
function mergeTriggers(
  own: DpkgState,
  next: DpkgState,
  origins: ReadonlyMap<string, Origin>,
): Map<string, readonly string[]> {
  const byName = new Map([...origins].map(([key, origin]) => [key.slice(0, key.lastIndexOf(":")), origin]));
  const merged = new Map<string, readonly string[]>();
  for (const file of keysOf(own.triggers, next.triggers)) {
    if (file === "Unincorp") {
      merged.set(file, own.triggers.get(file) ?? []);
      continue;
    }
    const from = (state: DpkgState, origin: Origin): string[] =>
      (state.triggers.get(file) ?? []).filter((line) => {
        const name = line.slice(line.lastIndexOf(" ") + 1).replace(/[:/].*$/, "");
        return byName.get(name) === origin;
      });
    const lines = [...from(next, "base"), ...from(own, "overlay")];
    if (lines.length > 0 || file === "File") merged.set(file, lines);
  }
  return merged;
}

function mergeAutomatic(
  old: DpkgState,
  own: DpkgState,
  next: DpkgState,
  packages: ReadonlyMap<string, DpkgPackage>,
): Map<string, Stanza> {
  const merged = mergeByKey(old.automatic, own.automatic, next.automatic, (one) =>
    [...one].map((field) => field.join(": ")).join("\n"),
  );
  const names = new Set(
    [...packages].filter(([, one]) => isInstalled(one)).map(([, { stanza }]) => stanza.get("Package")),
  );
  return new Map([...merged].filter(([, stanza]) => names.has(stanza.get("Package"))));
}

/** Names of what a package gives, itself and Provides with their versions. */
export function providedBy({ stanza }: DpkgPackage): { readonly name: string; readonly version: string }[] {
  const own = { name: stanza.get("Package") ?? "", version: stanza.get("Version") ?? "" };
  const others = parseRelations(stanza.get("Provides")).flat();
  return [own, ...others.map(({ name, constraint }) => ({ name, version: constraint.replace(/^=\s*/, "") }))];
}
