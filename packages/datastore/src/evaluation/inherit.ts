/** inherit and inherit_defer. */
import { isAbsolute } from "node:path";
import { BuildError, words, type Span } from "@tsbake/base";
import type { ParsedFile } from "@tsbake/language";
import type { Datastore } from "../datastore.js";
import type { Evaluator } from "./evaluator.js";
import { missingClass } from "../problems.js";
import { noteFiles } from "./noted-files.js";
import { search, searchFolders } from "./search.js";
import { placeOfWord } from "../expansion/text-place.js";
import { textsOf } from "../variables/value.js";

/** An inherit put off until the recipe is finalised; the expression is expanded then. */
export interface DeferredInherit {
  readonly expression: string;
  readonly at: Span | undefined;
}

const QUEUE = "__BBDEFINHERITS";

/** The inherits that still wait, in order. */
export function deferredInherits(d: Datastore): readonly DeferredInherit[] {
  const queue = d.getVar(QUEUE, { expand: false });
  return Array.isArray(queue) ? (queue as DeferredInherit[]) : [];
}

/** Queues `inherit EXPRESSION` for the end of the recipe, as `inherit_defer` does; variants queue their class so. */
export function deferInherit(d: Datastore, expression: string, at?: Span): void {
  d.setVar(QUEUE, [...deferredInherits(d), { expression, at }]);
}

/** Takes the first waiting inherit off the queue. */
export function takeDeferredInherit(d: Datastore): DeferredInherit | undefined {
  const [first, ...rest] = deferredInherits(d);
  if (first !== undefined) d.setVar(QUEUE, rest);
  return first;
}

/**
 * Evaluates the classes that `expression` names, each once.
 *
 * @param isLate true at the end of the recipe, when BB_DEFER_BBCLASSES does not count any more
 * @throws BuildError `datastore/missing-class`
 */
export function inherit(
  expression: string,
  at: Span | undefined,
  evaluator: Evaluator,
  isLate: boolean,
): void {
  const { d } = evaluator;
  for (const name of words(d.expand(expression))) {
    if (!isLate && words(d.getText("BB_DEFER_BBCLASSES")).includes(name)) {
      deferInherit(d, name, at);
      continue;
    }
    const file = findClass(name, at, evaluator);
    const { path } = file.source;
    const inherited = textsOf(d.getVar("__inherit_cache", { expand: false }));
    if (inherited.includes(path)) continue;
    d.setVar("__inherit_cache", [...inherited, path]);
    noteFiles(d, [path]);
    evaluator.enter(file, at);
  }
}

function findClass(name: string, at: Span | undefined, { d, host }: Evaluator): ParsedFile {
  const kind = d.getText("__bbclasstype") ?? "recipe";
  const isPath = isAbsolute(name) || name.endsWith(".bbclass");
  const names = isPath ? [name] : [`classes-${kind}/${name}.bbclass`, `classes/${name}.bbclass`];
  const tried: string[] = [];
  for (const candidate of names) {
    const found = search(candidate, searchFolders(d), host);
    if (found.file !== undefined) {
      noteFiles(d, found.tried.slice(0, -1));
      return found.file;
    }
    noteFiles(d, found.tried);
    tried.push(...found.tried);
  }
  // INHERIT and the like have no statement of their own.
  const listed = at ?? placeOfWord(d, ["INHERIT"], name)?.at;
  throw new BuildError([missingClass(listed, name, tried)]);
}
