/** Lists as DEPENDS and RDEPENDS are written: names, each with conditions in parentheses or without. */
import { words, type VersionCondition, type VersionOperator } from "@tsbake/base";

/** The names alone, in order, repetitions kept: `a (>= 1.0) b` is `a`, `b`. @see BitBake bb.utils.explode_deps */
export function dependencyNames(text: string | undefined): string[] {
  const names: string[] = [];
  let inside = false;
  for (const word of words(text)) {
    if (word.startsWith("(")) inside = true;
    if (!inside) names.push(word);
    else if (word.endsWith(")")) inside = false;
  }
  return names;
}

const OPERATORS: Readonly<Record<string, VersionOperator>> = {
  "=": "=",
  "==": "==",
  "<=": "<=",
  "=<": "<=",
  ">=": ">=",
  "=>": ">=",
  "<": "<",
  "<<": "<<",
  ">": ">",
  ">>": ">>",
  "!=": "!=",
};

/**
 * Names with their conditions, in order of first mention: `core (>= 12) other`.
 *
 * @returns the text that could not be understood instead, when there is one
 */
export function versionedDependencies(
  text: string | undefined,
): { readonly names: Map<string, VersionCondition[]> } | { readonly wrong: string } {
  const names = new Map<string, VersionCondition[]>();
  const pattern = /\s*(?:\(([^)]*)(\)|$)|([^\s(]+))/gy;
  const clean = (text ?? "").replaceAll(",", " ");
  let last: VersionCondition[] | undefined;
  for (const [whole, inside, closed, name] of clean.trim().matchAll(pattern)) {
    if (name !== undefined) {
      last = names.get(name) ?? [];
      names.set(name, last);
      continue;
    }
    const match = /^\s*([<>=!]{1,2})\s*(\S.*?)\s*$/.exec(inside ?? "");
    const operator = match ? OPERATORS[match[1]!] : undefined;
    if (!match || !operator || closed !== ")" || !last) return { wrong: whole.trim() };
    last.push({ operator, version: match[2]! });
  }
  return { names };
}
