/** The words for yes and no: one table for settings, flags and parameters of sources. */

const YES = ["1", "t", "true", "y", "yes"];
const NO = ["", "0", "f", "false", "n", "no"];

/** For messages, after "write". */
export const BOOLEAN_WORDS = "`1` or `0` (or `y`, `yes`, `t`, `true`; `n`, `no`, `f`, `false`, nothing)";

/**
 * BitBake's words in any case, and `t` and `f`; blanks around do not matter.
 *
 * @returns undefined for any other text: the caller says where it stands
 * @see BitBake 2.19 lib/bb/utils.py, to_boolean
 */
export function toBoolean(text: string): boolean | undefined {
  const word = text.trim().toLowerCase();
  if (YES.includes(word)) return true;
  return NO.includes(word) ? false : undefined;
}
