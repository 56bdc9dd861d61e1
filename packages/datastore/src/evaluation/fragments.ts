/** addfragments: switched-on pieces of configuration, from layers or built in. */
import { isAbsolute, join } from "node:path";
import { BuildError, words } from "@tsbake/base";
import type { AddFragments } from "@tsbake/language";
import type { Datastore } from "../datastore.js";
import type { Evaluator } from "./evaluator.js";
import { includeFile } from "./include.js";
import { assignedFragment, missingFragment, overlappingFragments } from "../problems.js";

/** @throws BuildError for a fragment that no layer has, or a builtin one whose variable is set already */
export function addFragments(statement: AddFragments, evaluator: Evaluator): void {
  const { d, host } = evaluator;
  const { at } = statement;
  if (d.getText("_BB_SKIP_FRAGMENTS") === "1") return;
  const fragments = words(d.getText(statement.fragmentsVariable));
  const builtins = builtinsOf(statement, d);
  for (const [prefix] of builtins) {
    const same = fragments.filter((one) => one.startsWith(`${prefix}/`));
    if (same.length > 1) host.warn(overlappingFragments(at, prefix, same));
  }
  for (const fragment of fragments) {
    const slash = fragment.indexOf("/");
    const prefix = fragment.slice(0, Math.max(slash, 0));
    const variable = builtins.get(prefix);
    if (variable !== undefined) setBuiltin(fragment, variable, statement, d);
    else includeFragment(fragment, prefix, statement, evaluator);
  }
}

/** Words `prefix:VARIABLE`. */
function builtinsOf({ builtinVariable }: AddFragments, d: Datastore): Map<string, string> {
  const pairs = words(builtinVariable === undefined ? "" : d.getText(builtinVariable));
  return new Map(pairs.map((pair) => [pair.split(":", 1)[0]!, pair.slice(pair.indexOf(":") + 1)]));
}

function setBuiltin(fragment: string, variable: string, statement: AddFragments, d: Datastore): void {
  const { at } = statement;
  if (d.getVar(variable, { noWeakDefault: true }) !== undefined) {
    throw new BuildError([assignedFragment(at, fragment, variable)]);
  }
  const value = fragment.slice(fragment.indexOf("/") + 1);
  const detail = `${value} (${statement.fragmentsVariable} contains "${fragment}")`;
  d.setVar(variable, value, { parsing: true, at, detail });
}

function includeFragment(
  fragment: string,
  layer: string,
  statement: AddFragments,
  evaluator: Evaluator,
): void {
  const { d, host } = evaluator;
  const { at } = statement;
  const name = `${d.expand(statement.pathPrefix)}/${fragment.slice(layer.length + 1)}.conf`;
  const layers = words(d.getText("BBLAYERS"));
  const path = layers
    .map((folder) => join(folder, name))
    .find((candidate) => isAbsolute(candidate) && layerOf(candidate, d) === layer && host.load(candidate));
  if (layer === "" || path === undefined) throw new BuildError([missingFragment(at, fragment, layers)]);
  includeFile(path, true, at, evaluator);
  for (const variable of words(d.getText(statement.flaggedVariablesVariable))) {
    d.setVarFlag(variable, fragment, d.getVar(variable) ?? null, { at });
    d.setVar(variable, null, { at });
  }
}

/** The collection whose pattern matches `path`; the longest pattern when layers lie within one another. */
function layerOf(path: string, d: Datastore): string | undefined {
  let best: { name: string; length: number } | undefined;
  for (const name of words(d.getText("BBFILE_COLLECTIONS"))) {
    const pattern = d.getText(`BBFILE_PATTERN_${name}`) ?? "";
    if (pattern.length > (best?.length ?? 0) && startsWithPattern(path, pattern)) {
      best = { name, length: pattern.length };
    }
  }
  return best?.name;
}

function startsWithPattern(path: string, pattern: string): boolean {
  try {
    return new RegExp(`^(?:${pattern})`).test(path);
  } catch {
    // A pattern that is no regular expression is told where layers are checked.
    return false;
  }
}
