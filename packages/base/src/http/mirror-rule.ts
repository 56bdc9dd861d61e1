/** Rules of mirrors as they are written: pairs of patterns, which are Python's, and replacements. */
import { splitUrl, unquoted, type UrlParts } from "./url.js";

/** One rule, as written. */
export interface MirrorRule {
  readonly find: string;
  readonly replace: string;
}

/**
 * The rules of a list: words in pairs, separated by blanks or by the two characters `\n`.
 *
 * @returns also what is wrong with it, as text for a message
 */
export function parseMirrors(text: string): { rules: MirrorRule[]; faults: string[] } {
  const all = text
    .replaceAll("\\n", " ")
    .split(/\s+/)
    .filter((word) => word !== "");
  const rules: MirrorRule[] = [];
  const faults: string[] = [];
  for (let at = 0; at < all.length; at += 2) {
    const find = all[at]!;
    const replace = all[at + 1];
    if (replace === undefined) faults.push(`${find} has no replacement`);
    else if (!decodeRule(find)) faults.push(`${find} has no type://host/path`);
    else if (!decodeRule(replace)) faults.push(`${replace} has no type://host/path`);
    else if (!compiles(find)) faults.push(`${find} is no regular expression`);
    else rules.push({ find, replace });
  }
  return { rules, faults };
}

function compiles(find: string): boolean {
  const { type, host, path, user, password } = decodeRule(find)!;
  try {
    return [type, host, path, user, password].every((one) => mirrorPattern(one) !== undefined);
  } catch {
    return false;
  }
}

/** A URL or a half of a rule for the comparison: the path is decoded, a host alone has the path `/`. */
export function decodeRule(url: string): UrlParts | undefined {
  const parts = splitUrl(url);
  if (!parts || (parts.host === "" && parts.path === "")) return undefined;
  const tail = url.slice(url.indexOf(";") + 1 || url.length);
  if (tail.split(";").some((word) => word !== "" && !word.includes("="))) return undefined;
  return { ...parts, path: unquoted(parts.path) || "/" };
}

const patterns = new Map<string, RegExp>();

/** Matches where Python's `re.match` does: at the start. What only Python writes is written as here. */
export function mirrorPattern(text: string): RegExp {
  let known = patterns.get(text);
  if (!known) {
    const flags = /^\(\?([ims]+)\)/.exec(text);
    const rest = (flags ? text.slice(flags[0].length) : text)
      .replaceAll("(?P<", "(?<")
      .replace(/\(\?P=(\w+)\)/g, "\\k<$1>")
      .replace(/\\Z/g, "(?![\\s\\S])")
      .replace(/\\A/g, "(?<![\\s\\S])")
      .replace(/\{,(\d+)\}/g, "{0,$1}");
    known = new RegExp(`^(?:${rest})`, flags?.[1] ?? "");
    patterns.set(text, known);
  }
  return known;
}
