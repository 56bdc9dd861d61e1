/** One recipe file: its appends, its variants, each finished. docs/language.md 1.8 to 1.10 and 8.1 to 8.3. */
import { basename } from "node:path";
import { BuildError, words, type Diagnostic, type Span } from "@tsbake/base";
import {
  deferInherit,
  ExpansionError,
  explainFailure,
  finalize,
  listTasks,
  placeOfWord,
  SkipRecipe,
  type Datastore,
} from "@tsbake/datastore";
import type { RecipeFile } from "../files/collect.js";
import { Evaluation } from "../configuration/evaluation.js";
import { checkChoices } from "./choices.js";
import { doubtfulSwitches, extractRecipe } from "./extract.js";
import { whyMissing, type FileTable } from "../files/files.js";
import type { RecipeId, RecipeInfo } from "./info.js";
import { recipeId, variantWord } from "../configuration/multiconfig.js";
import * as problem from "../problems.js";
import type { BaseSigner } from "../project/types.js";
import type { PythonDefinitionText, PythonSession } from "../configuration/python-session.js";

export interface RecipeContext {
  /** Of the multiconfig that the file is read for. */
  readonly configuration: Datastore;
  readonly table: FileTable;
  readonly python: PythonSession;
  readonly signer: BaseSigner;
}

export interface ParsedRecipe {
  readonly infos: readonly RecipeInfo[];
  /** Every file that was looked for. */
  readonly files: readonly string[];
  readonly warnings: readonly Diagnostic[];
  /** False for BB_DONT_CACHE: metadata says that it depends on more than files. */
  readonly cacheable: boolean;
}

/** Parses a recipe file and makes the plain data of all its variants. @throws BuildError */
export function parseRecipe(file: RecipeFile, context: RecipeContext): ParsedRecipe {
  const host = new Evaluation(context.table, context.python);
  let cacheable = true;
  const infoOf = ({ word, d, skipped }: Variant): RecipeInfo => {
    const id = recipeId(file.multiconfig, file.path, word);
    if (skipped !== undefined) {
      if (d.getText("BB_DONT_CACHE")) cacheable = false;
      return extractRecipe(d, { id, file, baseHashes: new Map(), skipped });
    }
    // First: what is made of a wrong word would be told in its place.
    checkChoices(d);
    const tasks = [...listTasks(d).keys()];
    const baseHashes = context.signer.sign(d, tasks);
    for (const warning of doubtfulSwitches(d, tasks)) host.warn(warning);
    checkPython(d, tasks, context.python, host);
    const info = extractRecipe(d, { id, file, baseHashes });
    // Asked last: AUTOREV says so while values are expanded.
    if (d.getText("BB_DONT_CACHE")) cacheable = false;
    return info;
  };
  const infos = explained(file, host, undefined, () => evaluateVariants(file, context, host)).map((variant) =>
    explained(file, host, variant.d, () => infoOf(variant)),
  );
  return { infos, files: [...host.files], warnings: host.warnings, cacheable };
}

/**
 * Compiles the bodies of Python tasks, so that a syntax error is told before the task has waited for its turn. Where
 * nothing else has opened Python, this does not open it either.
 */
function checkPython(d: Datastore, tasks: readonly string[], python: PythonSession, host: Evaluation): void {
  for (const task of tasks) {
    if (!d.getVarFlag(task, "func") || !d.getVarFlag(task, "python")) continue;
    const body = d.getVar(task, { expand: false });
    const file = d.getVarFlag(task, "filename", { expand: false });
    const line = Number(d.getVarFlag(task, "lineno", { expand: false })) + 1;
    if (typeof body !== "string" || typeof file !== "string") continue;
    const at = d.spanOf(task);
    try {
      python.checkLate(task, body, { file, line, ...(at ? { at } : {}) });
    } catch (error) {
      throw explainFailure(error, { what: task, at, d }, host);
    }
  }
}

/** Inline Python may fail wherever a value is read. */
function explained<T>(file: RecipeFile, host: Evaluation, d: Datastore | undefined, work: () => T): T {
  try {
    return work();
  } catch (error) {
    // What Python would say of it hides what is wrong.
    const isName = basename(file.path).split("_").length > 3 && error instanceof ExpansionError;
    if (isName && /more than two underscores/.test(error.message))
      throw new BuildError([problem.badFileName(file.path)], { cause: error });
    throw explainFailure(error, { what: file.path, at: undefined, ...(d ? { d } : {}) }, host);
  }
}

export interface OpenedRecipe {
  readonly d: Datastore;
  readonly definitions: readonly PythonDefinitionText[];
}

/** The datastore of one variant; undefined when the recipe has no such variant any more. */
export function openVariant(
  file: RecipeFile,
  id: RecipeId,
  context: RecipeContext,
): OpenedRecipe | undefined {
  const host = new Evaluation(context.table, context.python);
  const variants = evaluateVariants(file, context, host, variantWord(id));
  const found = variants.find(({ word }) => recipeId(file.multiconfig, file.path, word) === id);
  if (!found) return undefined;
  return { d: found.d, definitions: context.python.definitions };
}

interface Variant {
  /** Word of BBCLASSEXTEND; empty for the recipe itself. */
  readonly word: string;
  readonly d: Datastore;
  readonly skipped?: string;
}

/** @param only this variant beside the recipe itself; all when not given */
function evaluateVariants(
  file: RecipeFile,
  context: RecipeContext,
  host: Evaluation,
  only?: string,
): Variant[] {
  context.python.reset();
  const raw = context.configuration.createCopy();
  raw.setVar("__BBMULTICONFIG", file.multiconfig);
  raw.setVar("FILE_LAYERNAME", file.layer);
  raw.setVar("__BB_RECIPE_FILE", file.path);
  raw.setVar("__BBAPPEND", file.appends.join(" "));
  raw.setVar("FILE", file.path);
  const early = skippedBy(() => {
    for (const path of [file.path, ...file.appends]) {
      if (!host.evaluate(path, raw)) throw new BuildError([problem.unreadableFile(path, whyMissing(path))]);
    }
  });
  if (early !== undefined) return [{ word: "", d: raw, skipped: early }];

  const main = finalizeVariant("", raw.createCopy(), host);
  // The list is that of the finished recipe; the variants start from the unfinished one.
  const extended = main.d.getText("BBCLASSEXTEND") ?? "";
  const pn = main.d.getText("PN") ?? "";
  const chosen = [...new Set(words(extended))].filter((word) => only === undefined || word === only);
  const places = chosen.map((word) => placeOfWord(main.d, ["BBCLASSEXTEND"], word)?.at);
  if (chosen.length > 0) raw.setVar("BBCLASSEXTEND", extended);
  return [main, ...chosen.map((word, index) => extendVariant(word, { pn, raw, host, at: places[index] }))];
}

function finalizeVariant(word: string, d: Datastore, host: Evaluation): Variant {
  const skipped = skippedBy(() => {
    finalize(d, host);
  });
  return { word, d, ...(skipped === undefined ? {} : { skipped }) };
}

interface Extension {
  /** Of the recipe itself. */
  readonly pn: string;
  readonly raw: Datastore;
  readonly host: Evaluation;
  /** Where BBCLASSEXTEND has the word. */
  readonly at: Span | undefined;
}

/** `native` renames to PN-native and inherits that class last; `multilib:lib32` leaves the name to the class. */
function extendVariant(word: string, { pn, raw, host, at }: Extension): Variant {
  const d = raw.createCopy();
  const [className = word, argument] = word.split(":");
  if (argument === undefined) d.setVar("PN", `${pn}-${word}`);
  else {
    d.setVar("BBEXTENDCURR", className);
    d.setVar("BBEXTENDVARIANT", argument);
  }
  deferInherit(d, className, at);
  return finalizeVariant(word, d, host);
}

/** Runs `action`; the reason, when metadata raised SkipRecipe. */
function skippedBy(action: () => void): string | undefined {
  try {
    action();
    return undefined;
  } catch (error) {
    if (error instanceof SkipRecipe) return error.reason;
    throw error;
  }
}
