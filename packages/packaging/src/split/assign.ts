/** Which package a file of ${D} goes into: FILES patterns, first package first. */
import type { PackageSpec } from "./spec.js";

/**
 * A pattern as a test of absolute paths: a path matches when it or one of its folders does. `*`, `?` and `[…]` are those
 * of glob(7), none of which matches a `/`; a bracket that nothing closes stands for itself.
 */
export function pattern(text: string): RegExp {
  const source = text
    .replace(/\/+$/, "")
    .replace(/\[(?:![^][^\]]*|[^!][^\]]*)\]|[*?.+^${}()|[\]\\]/gu, (part) => {
      if (part === "*") return "[^/]*";
      if (part === "?") return "[^/]";
      return part.length > 1 ? oneOf(part.slice(1, -1)) : `\\${part}`;
    });
  return new RegExp(`^${source}(?:/|$)`, "u");
}

/** What stands in a bracket; a range that goes backwards holds nothing. */
function oneOf(inside: string): string {
  const isNot = inside.startsWith("!");
  const escaped = (character: string): string => character.replace(/[\\\][^-]/, "\\$&");
  const items = [...inside.slice(isNot ? 1 : 0).matchAll(/(.)-(.)|./gsu)].map(([one, from = "", to = ""]) => {
    if (from === "") return escaped(one);
    return from.codePointAt(0)! <= to.codePointAt(0)! ? `${escaped(from)}-${escaped(to)}` : "";
  });
  // JavaScript reads `[]` as nothing, and `[^]` as anything.
  return `(?!/)[${isNot ? "^" : ""}${items.join("")}]`;
}

export interface PackageAssignment {
  /** Package → absolute paths, in the order of `paths`. Every package of the recipe has an entry. */
  readonly packages: ReadonlyMap<string, readonly string[]>;
  readonly unshipped: readonly string[];
}

/** @param paths absolute in the package, sorted @returns also those that no package wants */
export function assignFiles(paths: readonly string[], packages: readonly PackageSpec[]): PackageAssignment {
  const rules = packages.map(({ name, files }) => ({ name, patterns: files.map(pattern) }));
  const assigned = new Map<string, string[]>(packages.map(({ name }) => [name, []]));
  const unshipped: string[] = [];
  for (const path of paths) {
    const rule = rules.find(({ patterns }) => patterns.some((one) => one.test(path)));
    if (rule) assigned.get(rule.name)?.push(path);
    else unshipped.push(path);
  }
  return { packages: assigned, unshipped };
}
