/** What a person allows, for findings and for what a removal leaves behind. */
import { BuildError } from "@tsbake/base";
import * as problems from "../problems.js";
import { pathMatcher } from "./rules.js";

/**
 * @param variable that has the words `CODE:PATTERN`
 * @param codes all that there are
 * @returns whether one of the words allows a path, or a name, under a code
 * @throws BuildError `image/bad-allowance`, one diagnostic a word that is none
 */
export function readAllowances(
  variable: string,
  words: readonly string[],
  codes: readonly string[],
): (code: string, path: string) => boolean {
  const pairs = words.map((word) => {
    const at = word.indexOf(":");
    return { word, code: word.slice(0, Math.max(at, 0)), pattern: word.slice(at + 1) };
  });
  const bad = pairs.filter(({ code, pattern }) => !codes.includes(code) || pattern === "");
  if (bad.length > 0)
    throw new BuildError(bad.map(({ word }) => problems.badAllowance(variable, word, codes)));
  const rules = pairs.map(({ code, pattern }) => ({ code, matches: pathMatcher(pattern) }));
  return (code, path) => rules.some((rule) => rule.code === code && rule.matches(path));
}
