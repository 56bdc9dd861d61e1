/** What `:remove` does to a value. */
import { words } from "@tsbake/base";

/**
 * Takes the words of `texts`, expanded, out of `value`; the blanks around them stay.
 *
 * @returns the rest, and those of `texts` that took something away
 */
export function withoutWords(
  value: string,
  texts: ReadonlySet<string>,
  expand: (text: string) => string,
): { value: string; removes: ReadonlySet<string> } {
  const unwanted = new Map<string, string[]>();
  for (const text of texts) {
    for (const word of words(expand(text))) unwanted.set(word, [...(unwanted.get(word) ?? []), text]);
  }
  const removes = new Set<string>();
  const rest = value.replace(/\S+/g, (word) => {
    const causes = unwanted.get(word);
    if (causes === undefined) return word;
    for (const cause of causes) removes.add(cause);
    return "";
  });
  return { value: rest, removes };
}
