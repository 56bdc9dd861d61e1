/** Names such as `FOO:append:arm`. */
import type { Keyword } from "./variable.js";

export interface DeferredName {
  readonly base: string;
  readonly keyword: Keyword;
  /** What stands after the keyword and a colon. */
  readonly overrides: string | undefined;
}

const KEYWORDS = /:append|:prepend|:remove/g;

/**
 * Splits at the first keyword after which there is nothing, or a colon and no capital; undefined for an ordinary name.
 * Linear: a single pattern for the whole would look through the rest of the name at each keyword.
 *
 * @see BitBake 2.19 lib/bb/data_smart.py, __setvar_regexp__
 */
export function splitDeferred(name: string): DeferredName | undefined {
  let lastCapital: number | undefined;
  for (const { 0: keyword, index } of name.matchAll(KEYWORDS)) {
    const end = index + keyword.length;
    const found = { base: name.slice(0, index), keyword: keyword as Keyword };
    if (end === name.length) return { ...found, overrides: undefined };
    if (name[end] !== ":") continue;
    lastCapital ??= lastCapitalOf(name);
    if (lastCapital < end) return { ...found, overrides: name.slice(end + 1) };
  }
  return undefined;
}

function lastCapitalOf(name: string): number {
  for (let at = name.length - 1; at >= 0; at--) {
    const code = name.charCodeAt(at);
    if (code >= 65 && code <= 90) return at;
  }
  return -1;
}
