/** IMAGE_REMOVE_ALLOW: what a removal may leave behind. */
import { readAllowances } from "../rules/index.js";
import { type Left, LEFT_KINDS } from "./left.js";

/**
 * @param words `KIND:PATTERN`; of a user or group PATTERN is one of names
 * @throws BuildError `image/bad-allowance`, one diagnostic a word that is none
 */
export function mayStay(words: readonly string[]): (left: Left) => boolean {
  const allows = readAllowances("IMAGE_REMOVE_ALLOW", words, LEFT_KINDS);
  return ({ kind, subject }) => allows(kind, subject);
}
