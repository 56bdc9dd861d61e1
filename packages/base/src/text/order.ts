/** The one order that hashes and files are written in: by UTF-16 code unit, the same in every locale. */

/** Compares for `Array.sort`. Never `localeCompare`: its order depends on the machine. */
export function byText(left: string, right: string): number {
  return left < right ? -1 : left > right ? 1 : 0;
}

/** A sorted copy without repetitions. */
export function sortedUnique(words: Iterable<string>): string[] {
  return [...new Set(words)].sort(byText);
}

/** Splits on runs of white space, as metadata lists are written; no empty words. */
export function words(text: string | undefined): string[] {
  return text?.split(/\s+/).filter((word) => word !== "") ?? [];
}
