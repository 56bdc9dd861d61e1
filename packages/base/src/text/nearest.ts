/** Words that someone who wrote a wrong one may have meant. */
import { byText } from "./order.js";

/**
 * The candidates nearest to `name` by edit distance (insert, delete, replace, swap of neighbours), best first, at most
 * `limit`. A candidate counts when a third of the longer word or less is wrong, or when one word begins with the other.
 */
export function nearest(name: string, candidates: Iterable<string>, limit = 3): string[] {
  const scored: { word: string; score: number }[] = [];
  for (const word of new Set(candidates)) {
    if (word === name || word === "") continue;
    const longer = Math.max(word.length, name.length);
    const allowed = Math.max(1, Math.floor(longer / 3));
    const begins = name.length >= 3 && (word.startsWith(name) || name.startsWith(word)) && word.length >= 3;
    if (!begins && Math.abs(word.length - name.length) > allowed) continue;
    const score = begins ? Math.min(allowed, distance(name, word)) : distance(name, word);
    if (score <= allowed) scored.push({ word, score });
  }
  scored.sort((left, right) => left.score - right.score || byText(left.word, right.word));
  return scored.slice(0, limit).map(({ word }) => word);
}

/** Optimal string alignment distance, three rows at a time. */
function distance(left: string, right: string): number {
  let before: number[] = [];
  let last = Array.from({ length: right.length + 1 }, (_, index) => index);
  for (let i = 1; i <= left.length; i++) {
    const row = [i];
    for (let j = 1; j <= right.length; j++) {
      const replace = left[i - 1] === right[j - 1] ? 0 : 1;
      let best = Math.min(last[j]! + 1, row[j - 1]! + 1, last[j - 1]! + replace);
      const swapped = i > 1 && j > 1 && left[i - 1] === right[j - 2] && left[i - 2] === right[j - 1];
      if (swapped) best = Math.min(best, before[j - 2]! + 1);
      row.push(best);
    }
    before = last;
    last = row;
  }
  return last[right.length]!;
}
