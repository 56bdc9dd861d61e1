/** What the two threads that write to one terminal share. */

export interface PulseData {
  readonly state: Int32Array;
  /** Of the terminal. */
  readonly fd: number;
}

/** Who writes now; then how many lines of the live part are above the cursor; then a number that grows as long as the screen lives. */
export const [WRITER, LINES, BEATS, CELLS] = [0, 1, 2, 3] as const;

/** Values of {@link WRITER}. */
export const [NOBODY, SCREEN, PULSE] = [0, 1, 2] as const;
