/** include, require, include_all. */
import { isAbsolute, join } from "node:path";
import { BuildError, words, type Note, type Span } from "@tsbake/base";
import type { Include } from "@tsbake/language";
import type { Evaluator } from "./evaluator.js";
import { duplicateInclusion, missingInclude, notMetadata } from "../problems.js";
import { filesOf, isMetadata, noteFiles } from "./noted-files.js";
import { includeFolders, search, searchFolders } from "./search.js";

/** @throws BuildError when a required file is missing, or a file is no metadata by its name */
export function include({ form, argument, at }: Include, evaluator: Evaluator): void {
  const { d } = evaluator;
  const names = words(d.expand(argument));
  if (form !== "include_all") {
    for (const name of names) includeFile(name, form === "require", at, evaluator, argument);
    return;
  }
  for (const folder of searchFolders(d)) {
    for (const name of names) includeFile(isAbsolute(name) ? name : join(folder, name), false, at, evaluator);
  }
}

/** One file by absolute name, or searched for. */
export function includeFile(
  name: string,
  isRequired: boolean,
  at: Span,
  evaluator: Evaluator,
  argument = "",
): void {
  const { d, host } = evaluator;
  const from = at.source.path;
  if (name === from) return;
  if (!isMetadata(name)) throw new BuildError([notMetadata(at, name)]);
  const { file, tried } = search(name, includeFolders(from, d), host);
  const path = file?.source.path;
  if (path === from) return;
  if (path !== undefined && filesOf(d).has(path)) host.warn(duplicateInclusion(at, path));
  noteFiles(d, tried);
  if (file !== undefined) evaluator.enter(file, at);
  else host.reading?.(name, () => {});
  if (file === undefined && isRequired)
    throw new BuildError([missingInclude(at, name, tried, origins(argument, evaluator))]);
}

/** The variables that the name was made of: one of them is likelier to be wrong than the line that asks. */
function origins(argument: string, { d }: Evaluator): Note[] {
  return [...argument.matchAll(/\$\{([^${}@]+)\}/g)].flatMap(([, name = ""]) => {
    const place = d.spanOf(name);
    return place ? [{ message: `\`${name}\` is \`${d.getText(name) ?? ""}\``, at: place }] : [];
  });
}
