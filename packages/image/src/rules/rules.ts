/** The rule table: what becomes of each path that a package of an extension brings. */
import { BuildError, words } from "@tsbake/base";
import * as problems from "../problems.js";

/**
 * - `keep`: ships as it is; possible below /usr and /opt only, nothing else is merged
 * - `drop`: does not ship
 * - `factory`: a file ships below /usr/share/factory and a tmpfiles.d line copies it where it belongs if it is
 *   not there; a folder or symlink becomes a tmpfiles.d line
 * - `confext`: ships as it is, in the confext image that comes with the extension; possible below /etc only
 * - `folders`: folders become tmpfiles.d lines, everything else is dropped
 * - `refuse`: the build stops
 */
export type RuleAction = "keep" | "drop" | "factory" | "confext" | "folders" | "refuse";

const ACTIONS: readonly RuleAction[] = ["keep", "drop", "factory", "confext", "folders", "refuse"];

export interface Rule {
  /** As written, `PATTERN=ACTION`, for the report. */
  readonly text: string;
  readonly matches: (path: string) => boolean;
  readonly action: RuleAction;
}

/**
 * Reads `PATTERN=ACTION` words. In a pattern `*` and `?` stay within one path part, `**` crosses parts;
 * `/etc/**` means everything below /etc.
 *
 * @throws BuildError `image/bad-rule`, one diagnostic a bad word
 */
export function parseRules(text: string): Rule[] {
  const rules: Rule[] = [];
  const bad: string[] = [];
  for (const word of words(text)) {
    const at = word.lastIndexOf("=");
    const action = ACTIONS.find((one) => one === word.slice(at + 1));
    if (action === undefined || !word.startsWith("/")) bad.push(word);
    else rules.push({ text: word, matches: pathMatcher(word.slice(0, at)), action });
  }
  if (bad.length > 0) throw new BuildError(bad.map((word) => problems.badRule(word, ACTIONS)));
  return rules;
}

/** The first rule that matches, as in a firewall's table. */
export function ruleFor(rules: readonly Rule[], path: string): Rule | undefined {
  return rules.find((rule) => rule.matches(path));
}

/** Whether a path matches one of the globs. */
export function anyOf(globs: readonly string[]): (path: string) => boolean {
  const matchers = globs.map(pathMatcher);
  return (path) => matchers.some((matches) => matches(path));
}

/** A function that tells whether a path matches a glob: `*`, `?`, `**`; everything else stands for itself. */
export function pathMatcher(glob: string): (path: string) => boolean {
  const source = glob.replace(/\*\*|[*?]|[\\^$.|+()[\]{}]/g, (part) =>
    part === "**" ? ".*" : part === "*" ? "[^/]*" : part === "?" ? "[^/]" : `\\${part}`,
  );
  const pattern = new RegExp(`^${source}$`, "su");
  return (path) => pattern.test(path);
}
