/** IMAGE_REMOVE_ALLOW: what a removal may leave behind. */
import { BuildError } from "@tsbake/base";
import * as problems from "../problems.js";
import { pathMatcher } from "../rules/rules.js";
import type { Left } from "./left.js";
import { LEFT_KINDS } from "./left.js";

/**
 * @param words `KIND:PATTERN`; of a user or group PATTERN is one of names
 * @throws BuildError `image/bad-allowance`, one diagnostic a word that is none
 */
export function mayStay(words: readonly string[]): (left: Left) => boolean {
  const pairs = words.map((word) => {
    const at = word.indexOf(":");
    const kind = LEFT_KINDS.find((one) => one === word.slice(0, Math.max(at, 0)));
    return { word, kind, pattern: word.slice(at + 1) };
  });
  const bad = pairs.filter(({ kind, pattern }) => kind === undefined || pattern === "");
  if (bad.length > 0)
    throw new BuildError(
      bad.map(({ word }) => problems.badAllowance("IMAGE_REMOVE_ALLOW", word, LEFT_KINDS)),
    );
  const rules = pairs.map(({ kind, pattern }) => ({ kind, matches: pathMatcher(pattern) }));
  return ({ kind, subject }) => rules.some((rule) => rule.kind === kind && rule.matches(subject));
}
