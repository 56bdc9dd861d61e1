/** Sets of small numbers as bits. A set is not changed once it was handed out, so that equal ones can be shared. */

export type Bits = Uint32Array;

export const NO_BITS: Bits = new Uint32Array(0);

/** Whether a task is in the set. @param at its number */
export function hasBit(bits: Bits, at: number): boolean {
  return ((bits[at >>> 5] ?? 0) & (1 << (at & 31))) !== 0;
}

/** Whether all of `part` is in `whole`. */
function includesBits(whole: Bits, part: Bits): boolean {
  for (let word = 0; word < part.length; word += 1) {
    if ((part[word]! & ~(whole[word] ?? 0)) !== 0) return false;
  }
  return true;
}

/** The numbers in `bits` that are not in `known`, smallest first. */
export function newBits(bits: Bits, known: Bits): number[] {
  const found: number[] = [];
  for (let word = 0; word < bits.length; word += 1) {
    let rest = bits[word]! & ~(known[word] ?? 0);
    while (rest !== 0) {
      const lowest = rest & -rest;
      found.push(word * 32 + 31 - Math.clz32(lowest));
      rest ^= lowest;
    }
  }
  return found;
}

/** The union of `sets` and the single numbers `extra`; one of `sets` itself when it holds everything. */
export function unionBits(sets: readonly Bits[], extra: readonly number[]): Bits {
  let largest = NO_BITS;
  for (const set of sets) if (set.length > largest.length) largest = set;
  for (const set of sets) {
    if (set !== largest && set.length === largest.length && includesBits(set, largest)) largest = set;
  }
  if (
    sets.every((set) => set === largest || includesBits(largest, set)) &&
    extra.every((at) => hasBit(largest, at))
  ) {
    return largest;
  }
  let words = largest.length;
  for (const at of extra) words = Math.max(words, (at >>> 5) + 1);
  const union = new Uint32Array(words);
  union.set(largest);
  for (const set of sets) {
    if (set === largest) continue;
    for (let word = 0; word < set.length; word += 1) union[word]! |= set[word]!;
  }
  for (const at of extra) union[at >>> 5]! |= 1 << (at & 31);
  return union;
}
