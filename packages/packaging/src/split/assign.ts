/** Which package a file of ${D} goes into: FILES patterns, first package first. */
import type { PackageSpec } from "./spec.js";

/** A pattern as a test of absolute paths: a path matches when it or one of its folders does. */
export function pattern(text: string): RegExp {
  let source = "";
  for (let at = 0; at < text.length; at++) {
    const character = text.charAt(at);
    const close = character === "[" ? text.indexOf("]", at + 2) : -1;
    if (character === "*") source += "[^/]*";
    else if (character === "?") source += "[^/]";
    else if (close > 0) {
      const inside = text.slice(at + 1, close).replaceAll("\\", "\\\\");
      source += `[${inside.replace(/^!/, "^")}]`;
      at = close;
    } else source += character.replace(/[.+^${}()|[\]\\]/g, "\\$&");
  }
  return new RegExp(`^${source.replace(/\/+$/, "")}(?:/|$)`);
}

export interface PackageAssignment {
  /** Package → absolute paths, in the order of `paths`. Every package of the recipe has an entry. */
  readonly packages: ReadonlyMap<string, readonly string[]>;
  readonly unshipped: readonly string[];
}

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
