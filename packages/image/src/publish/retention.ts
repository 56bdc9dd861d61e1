/** Which published images stay. */
import { type PublishedImage, entryKey, sortedEntries } from "./index-file.js";

/**
 * Of each name and architecture the newest `keep`, at least one; beyond that every base whose package database an extension
 * that stays was built on.
 *
 * @param keep undefined: all stay
 */
export function retained(images: readonly PublishedImage[], keep: number | undefined): PublishedImage[] {
  if (keep === undefined) return [...images];
  const counts = new Map<string, number>();
  const newest = sortedEntries(images).filter(({ kind, name, architecture }) => {
    const key = `${kind} ${name} ${architecture}`;
    const count = (counts.get(key) ?? 0) + 1;
    counts.set(key, count);
    return count <= Math.max(1, keep);
  });
  const kept = new Set(newest.map(entryKey));
  const needed = new Set(newest.flatMap(({ base }) => base?.pkgdb ?? []));
  return images.filter(
    (one) => kept.has(entryKey(one)) || (one.os?.pkgdb !== undefined && needed.has(one.os.pkgdb)),
  );
}
