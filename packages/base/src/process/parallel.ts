/** Work on many things at a time, but not on all at once. */

/**
 * Files and processes that one piece of work has open at a time: far below the 256 descriptors that some machines give a
 * process, also when several such pieces run side by side.
 */
export const AT_ONCE = 16;

/** `action` of each item, at most `most` at a time. @returns in the order of the items */
export async function eachLimited<T, R>(
  items: readonly T[],
  most: number,
  action: (item: T) => Promise<R>,
): Promise<R[]> {
  const results: R[] = [];
  let next = 0;
  const worker = async (): Promise<void> => {
    for (let at = next++; at < items.length; at = next++) results[at] = await action(items[at]!);
  };
  await Promise.all(Array.from({ length: Math.min(most, items.length) }, worker));
  return results;
}
