/**
 * The package database of an overlay whose base has been built anew: made of three others (of the base of before, of the overlay, of the
 * base of now), package by package. What the overlay did stays done: what it installed is there, once; what it removed stays
 * removed. All else is as the base has it now.
 */
import { byText } from "@tsbake/base";
import { type BackendName, compareDebVersions, parseRelations, type Stanza } from "@tsbake/packaging";
import { linksOf, mergeGroup, parseGroup, writeGroup } from "./alternatives.js";
import { type DatabasePackage, type DatabaseState, isInstalled, packageState, versionOf } from "./state.js";

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
  /** As `packageKey` has it. */
  readonly key: string;
  readonly fate: Fate;
  /** As it is now; as the base has it, where that is another one. */
  readonly version: string;
  readonly baseVersion?: string;
}

export interface Merged {
  readonly state: DatabaseState;
  /** Where each package's stanza and files come from. */
  readonly origins: ReadonlyMap<string, Origin>;
  /** Sorted by key. */
  readonly fates: readonly PackageFate[];
}

/** @param old the base of before @param own as the overlay shows it @param next the base of now */
export function mergeDatabases(old: DatabaseState, own: DatabaseState, next: DatabaseState): Merged {
  const packages = new Map<string, DatabasePackage>();
  const origins = new Map<string, Origin>();
  const fates: PackageFate[] = [];
  for (const key of keysOf(old.packages, own.packages, next.packages)) {
    const [before, there, now] = [old, own, next].map(({ packages: all }) => all.get(key));
    const decided = decide(next.format, before, there, now);
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
  const state: DatabaseState = {
    format: next.format,
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
  readonly from?: DatabasePackage;
  readonly fate?: Fate;
}

function decide(
  format: BackendName,
  old: DatabasePackage | undefined,
  own: DatabasePackage | undefined,
  next: DatabasePackage | undefined,
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
    return { from: wanted(format, own, old, next) };
  }
  if (!isInstalled(next)) return { from: own, fate: "kept" };
  // Half-installed is nobody's wish.
  const isAsNew = compareDebVersions(versionOf(next), versionOf(own)) >= 0;
  if (!isAsNew) return { from: own, fate: "kept" };
  return { from: wanted(format, own, isInstalled(old) ? old : undefined, next), fate: "now in the base" };
}

function from(one: DatabasePackage | undefined): Decision {
  return one === undefined ? {} : { from: one };
}

/** Which word of Status says what a person wants, and what stands there where nobody wants anything of his own. */
const WISHES = {
  deb: { at: 0, usual: "install" },
  ipk: { at: 1, usual: "ok" },
  rpm: { at: 0, usual: "install" },
};

/** What a person asked the package manager for (`hold`; of opkg `user`, too) stays with the base's package. */
function wanted(
  format: BackendName,
  own: DatabasePackage,
  old: DatabasePackage | undefined,
  next: DatabasePackage,
): DatabasePackage {
  const { at, usual } = WISHES[format];
  const wishOf = (one: DatabasePackage): string | undefined => one.stanza.get("Status")?.split(" ")[at];
  const wish = wishOf(own);
  if (wish === undefined || wish === (old === undefined ? usual : wishOf(old))) return next;
  const status = (next.stanza.get("Status") ?? "").split(" ").with(at, wish);
  const stanza = new Map(next.stanza).set("Status", status.join(" "));
  if (format === "ipk" && !own.stanza.has("Auto-Installed")) stanza.delete("Auto-Installed");
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
  old: DatabaseState,
  own: DatabaseState,
  next: DatabaseState,
): Pick<DatabaseState, "alternatives" | "links"> {
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
  own: DatabaseState,
  next: DatabaseState,
  origins: ReadonlyMap<string, Origin>,
): Map<string, readonly string[]> {
  const byName = new Map([...origins].map(([key, origin]) => [key.slice(0, key.lastIndexOf(":")), origin]));
  const merged = new Map<string, readonly string[]>();
  for (const file of keysOf(own.triggers, next.triggers)) {
    if (file === "Unincorp") {
      merged.set(file, own.triggers.get(file) ?? []);
      continue;
    }
    const from = (state: DatabaseState, origin: Origin): string[] =>
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
  old: DatabaseState,
  own: DatabaseState,
  next: DatabaseState,
  packages: ReadonlyMap<string, DatabasePackage>,
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
export function providedBy({
  stanza,
}: DatabasePackage): { readonly name: string; readonly version: string }[] {
  const own = { name: stanza.get("Package") ?? "", version: stanza.get("Version") ?? "" };
  const others = parseRelations(stanza.get("Provides")).flat();
  return [own, ...others.map(({ name, constraint }) => ({ name, version: constraint.replace(/^=\s*/, "") }))];
}
