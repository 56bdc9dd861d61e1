/** The mark that moves while a person waits: at the beginning of the live part's first line. */

const MARKS = ["|", "/", "-", "\\"];
/** How long each of them stays, in ms. */
export const SPIN_MS = 250;

/** One character. */
export function spinnerAt(nowMs: number): string {
  return MARKS[Math.floor(nowMs / SPIN_MS) % MARKS.length]!;
}
