/** What a word of a script can be when the script runs: every text that is possible. */

/** All of them; never empty, and what is not known stands in a text as UNKNOWN. */
export type Values = readonly string[];

/** Stands for what only running the script would tell. A character that no path has (private use area). */
export const UNKNOWN = "\uE000";
/** Stands for the name of a temporary file: no path that a package ships. */
export const TEMPORARY = "\uE001";

/** Whether the text is an absolute path of which every part is known. */
export function isKnownPath(text: string): boolean {
  return text.startsWith("/") && !text.includes(UNKNOWN) && !text.includes(TEMPORARY);
}
