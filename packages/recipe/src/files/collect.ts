/** From BBFILES to the recipe files, each with its appends. docs/language.md 9.1 to 9.3. */
import { basename, isAbsolute, join } from "node:path";
import { byText, type Diagnostic } from "@tsbake/base";
import type { Collection } from "../configuration/layers.js";
import { entries, glob, isFolder, pythonPattern } from "./pattern.js";
import * as problem from "../problems.js";

/** What the collection of files depends on: values of the configuration, kept in the parse cache. */
export interface CollectRequest {
  /** Name of the configuration; empty for the default one. */
  readonly multiconfig: string;
  readonly topdir: string;
  /** BBFILES, in the order written. */
  readonly patterns: readonly string[];
  /** BBMASK */
  readonly masks: readonly string[];
  readonly collections: readonly Collection[];
}

export interface RecipeFile {
  readonly path: string;
  /** The configuration it is read with; empty for the default one. */
  readonly multiconfig: string;
  /** In the order they apply. */
  readonly appends: readonly string[];
  /** Collection name; empty when no pattern matches. */
  readonly layer: string;
  readonly layerPriority: number;
}

export interface CollectedFiles {
  /** Lowest priority first. */
  readonly recipes: readonly RecipeFile[];
  /** Appends without a recipe. */
  readonly dangling: readonly string[];
  readonly masked: number;
  readonly warnings: readonly Diagnostic[];
}

/** Which recipes and appends there are by BBFILES and BBMASK, and whose layer each is. */
export function collectFiles(request: CollectRequest): CollectedFiles {
  const warnings: Diagnostic[] = [];
  const layerOf = layerFinder(request.collections);
  const sorted = request.patterns
    .map((pattern) => ({ pattern, priority: layerOf(pattern)?.priority ?? 0 }))
    .sort((left, right) => left.priority - right.priority);
  const found = new Set(sorted.flatMap(({ pattern }) => filesOf(absolute(pattern, request.topdir))));
  const masks = request.masks.flatMap((mask) => maskPattern(mask, warnings));
  const files = [...found].filter((path) => !masks.some((mask) => mask.test(path)));

  const appends = files
    .filter((path) => path.endsWith(".bbappend"))
    .map((path) => ({ path, name: basename(path).replaceAll(".bbappend", ".bb") }));
  const used = new Set<string>();
  const recipes = files
    .filter((path) => path.endsWith(".bb"))
    .map((path): RecipeFile => {
      const mine = appends.filter(({ name }) => appliesTo(name, basename(path)));
      for (const append of mine) used.add(append.path);
      const layer = layerOf(path);
      return {
        path,
        multiconfig: request.multiconfig,
        appends: mine.map((append) => append.path),
        layer: layer?.name ?? "",
        layerPriority: layer?.priority ?? 0,
      };
    });
  warnings.push(
    ...emptyLayers(
      request.collections,
      recipes,
      appends.map(({ path }) => path),
    ),
  );
  const dangling = appends.map(({ path }) => path).filter((path) => !used.has(path));
  return { recipes, dangling, masked: found.size - files.length, warnings };
}

/** A collection by the last in text order of the patterns that match: a layer within a layer has the longer one. */
function layerFinder(collections: readonly Collection[]): (path: string) => Collection | undefined {
  const tests = collections
    .filter(({ pattern }) => pattern !== "")
    .toSorted((left, right) => byText(right.pattern, left.pattern))
    .map((collection) => ({ collection, test: pythonPattern(collection.pattern, "start")! }));
  return (path) => tests.find(({ test }) => test.test(path))?.collection;
}

function absolute(pattern: string, topdir: string): string {
  return isAbsolute(pattern) ? pattern : join(topdir, pattern);
}

function filesOf(pattern: string): string[] {
  return isFolder(pattern) ? walk(pattern) : glob(pattern);
}

function walk(folder: string): string[] {
  return entries(folder)
    .toSorted((left, right) => byText(left.name, right.name))
    .flatMap((entry) => {
      const path = join(folder, entry.name);
      if (entry.isDirectory()) return ["SCCS", "CVS", ".svn"].includes(entry.name) ? [] : walk(path);
      return /\.bb(append)?$/.test(entry.name) ? [path] : [];
    });
}

/** A leading `|`, from masks joined to one expression, would match every file. */
function maskPattern(mask: string, warnings: Diagnostic[]): RegExp[] {
  if (mask.startsWith("|")) warnings.push(problem.maskBeginsWithBar(mask));
  const text = mask.replace(/^\|/, "");
  if (text === "") return [];
  const test = pythonPattern(text, "anywhere");
  if (!test) warnings.push(problem.wrongMask(mask));
  return test ? [test] : [];
}

function appliesTo(append: string, recipe: string): boolean {
  const wildcard = append.indexOf("%");
  return wildcard === -1 ? append === recipe : append.startsWith(recipe.slice(0, wildcard));
}

function emptyLayers(
  collections: readonly Collection[],
  recipes: readonly RecipeFile[],
  appends: readonly string[],
): Diagnostic[] {
  const filled = new Set(recipes.map(({ layer }) => layer));
  return collections
    .filter(({ name, pattern, mayBeEmpty }) => !filled.has(name) && pattern !== "" && !mayBeEmpty)
    .filter(({ pattern }) => !appends.some((path) => pythonPattern(pattern, "start")!.test(path)))
    .map(({ name, pattern }) => problem.emptyLayer(name, pattern));
}
