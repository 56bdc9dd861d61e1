/** Layers: conf/bblayers.conf, each layer's conf/layer.conf, and whether they go together. docs/language.md 9. */
import { realpathSync } from "node:fs";
import { dirname, join, resolve } from "node:path";
import {
  BuildError,
  hasCode,
  meetsVersion,
  nearest,
  sortedUnique,
  words,
  type Diagnostic,
  type Span,
} from "@tsbake/base";
import type { ParsedFile } from "@tsbake/language";
import type { Datastore } from "@tsbake/datastore";
import { versionedDependencies } from "../providers/dependencies.js";
import { escapePattern, isFolder, pythonPattern } from "../files/pattern.js";
import * as problem from "../problems.js";

/** One collection of recipe files. */
export interface Collection {
  readonly name: string;
  /** Folder of the layer that named it. */
  readonly path: string;
  /** BBFILE_PATTERN, empty for one that matches nothing. */
  readonly pattern: string;
  readonly priority: number;
  /** BBFILE_PATTERN_IGNORE_EMPTY */
  readonly mayBeEmpty: boolean;
}

export interface LayerHost {
  /** Evaluates the conf file at `path`; false when there is none. */
  evaluate(path: string, d: Datastore): boolean;
  load(path: string): ParsedFile | undefined;
  warn(diagnostic: Diagnostic): void;
}

/**
 * BBLAYERS with `coreLayers` in front, but those that it names already. They stay out when a layer brings a
 * `conf/bitbake.conf` of its own: it is a core layer, and only the first of two would be read.
 *
 * @param file conf/bblayers.conf; relative layers start at the folder above its own
 */
export function layerFolders(
  d: Datastore,
  coreLayers: readonly string[],
  file: string,
  host: LayerHost,
): string[] {
  const home = d.getText("HOME");
  const named = words(d.getText("BBLAYERS")).map((layer) => {
    const path = home !== undefined && /^~(?=\/|$)/.test(layer) ? home + layer.slice(1) : layer;
    return resolve(dirname(dirname(file)), path);
  });
  if (named.length + coreLayers.length === 0) throw new BuildError([problem.noLayers(file)]);
  const isOther = (layer: string) => !coreLayers.some((core) => realPath(core) === realPath(layer));
  const hasCore = named.some((layer) => isOther(layer) && realPath(join(layer, "conf/bitbake.conf")));
  const added = hasCore ? [] : coreLayers;
  const wrong = [...added, ...named].flatMap((layer) => {
    const at = whereNamed(layer, file, host);
    if (!isFolder(layer)) return [problem.missingLayer(layer, at)];
    return isFile(join(layer, "conf/layer.conf")) ? [] : [problem.missingLayerConf(layer, at)];
  });
  if (wrong.length > 0) throw new BuildError(wrong);
  const real = new Set(named.map(realPath));
  return [...added.filter((layer) => !real.has(realPath(layer))), ...named];
}

function isFile(path: string): boolean {
  return realPath(path) !== undefined && !isFolder(path);
}

function realPath(path: string): string | undefined {
  try {
    return realpathSync(path);
  } catch (error) {
    if (hasCode(error, "ENOENT", "ENOTDIR", "ELOOP")) return undefined;
    throw error;
  }
}

/** The place of the layer's last path component in bblayers.conf; BBLAYERS may build the rest with variables. */
function whereNamed(layer: string, file: string, host: LayerHost): Span | undefined {
  const source = host.load(file)?.source;
  for (let text = layer; source && text !== ""; text = text.slice(text.indexOf("/") + 1)) {
    const start = source.text.indexOf(text);
    if (start !== -1) return { source, start, end: start + text.length };
    if (!text.includes("/")) break;
  }
  return undefined;
}

/** LAYERSERIES_COMPAT of a layer. */
interface Compatibility {
  readonly series: readonly string[];
  readonly at: Span | undefined;
}

/** Reads conf/layer.conf of every folder into `d`, checks the series and adds what BBFILES_DYNAMIC asks for. */
export function readLayers(d: Datastore, folders: readonly string[], host: LayerHost): Map<string, string> {
  const pathOf = new Map<string, string>();
  const compat = new Map<string, Compatibility>();
  let series: string[] = [];
  for (const folder of folders) {
    const before = words(d.getText("BBFILE_COLLECTIONS"));
    d.setVar("LAYERDIR", folder);
    d.setVar("LAYERDIR_RE", escapePattern(folder));
    host.evaluate(join(folder, "conf/layer.conf"), d);
    replaceReferences(d, "LAYERDIR", folder);
    replaceReferences(d, "LAYERDIR_RE", escapePattern(folder));
    const names = words(d.getText("BBFILE_COLLECTIONS"));
    for (const name of names.slice(before.length)) pathOf.set(name, folder);
    // A layer's value is hidden from the layers that follow: each has to say for itself what it was made for.
    for (const name of names) {
      const own = words(d.getText(`LAYERSERIES_COMPAT_${name}`));
      if (own.length === 0) continue;
      compat.set(name, { series: [...new Set(own)], at: d.spanOf(`LAYERSERIES_COMPAT_${name}`) });
      d.delVar(`LAYERSERIES_COMPAT_${name}`);
    }
    if (series.length > 0) continue;
    series = [...new Set(words(d.getText("LAYERSERIES_CORENAMES")))];
    if (series.length > 0) d.delVar("LAYERSERIES_CORENAMES");
  }
  d.delVar("LAYERDIR_RE");
  d.delVar("LAYERDIR");
  for (const [name, own] of compat) d.setVar(`LAYERSERIES_COMPAT_${name}`, own.series.toSorted().join(" "));
  addDynamicFiles(d);
  checkSeries(d, compat, series, host);
  d.setVar("LAYERSERIES_CORENAMES", series.toSorted().join(" "));
  return pathOf;
}

/** `${LAYERDIR}` is replaced at once, by text, in every value that has it: the variable is gone when values expand. */
function replaceReferences(d: Datastore, variable: string, replacement: string): void {
  const reference = `\${${variable}}`;
  // A copy of the names: writing a value drops its override variants.
  for (const name of sortedUnique(d.keys())) {
    const value = d.getVar(name, { expand: false });
    if (typeof value !== "string" || !value.includes(reference)) continue;
    d.setVar(
      name,
      value.replaceAll(reference, () => replacement),
    );
  }
}

function addDynamicFiles(d: Datastore): void {
  const collections = new Set(words(d.getText("BBFILE_COLLECTIONS")));
  const wrong: Diagnostic[] = [];
  for (const entry of words(d.getText("BBFILES_DYNAMIC"))) {
    const match = /^(!?)([^:]+):(.+)$/.exec(entry);
    if (!match) wrong.push(problem.malformedDynamicFiles(entry, d.spanOf("BBFILES_DYNAMIC")));
    else if (collections.has(match[2]!) !== (match[1] === "!")) d.appendVar("BBFILES", ` ${match[3]}`);
  }
  if (wrong.length > 0) throw new BuildError(wrong);
}

function checkSeries(
  d: Datastore,
  compat: ReadonlyMap<string, Compatibility>,
  series: readonly string[],
  host: LayerHost,
): void {
  const wrong: Diagnostic[] = [];
  const seen = new Set<string>();
  for (const name of words(d.getText("BBFILE_COLLECTIONS"))) {
    if (seen.has(name)) wrong.push(problem.duplicateCollection(name, d.spanOf("BBFILE_COLLECTIONS")));
    seen.add(name);
    const own = compat.get(name);
    if (!own) host.warn(problem.noSeriesCompat(name));
    else if (series.length === 0) wrong.push(problem.missingSeries(name));
    else if (!own.series.some((one) => series.includes(one)))
      wrong.push(problem.incompatibleLayer(name, own.series, series, own.at));
  }
  if (wrong.length > 0) throw new BuildError(wrong);
}

/** Collections with patterns and priorities, checked against each other's LAYERDEPENDS. Order of BBFILE_COLLECTIONS. */
export function readCollections(d: Datastore, pathOf: ReadonlyMap<string, string>): Collection[] {
  const names = words(d.getText("BBFILE_COLLECTIONS"));
  const wrong: Diagnostic[] = [];
  const priorities = layerPriorities(d, names, wrong);
  const collections = names.flatMap((name): Collection[] => {
    const pattern = d.getText(`BBFILE_PATTERN_${name}`);
    if (pattern === undefined || !pythonPattern(pattern, "start")) {
      wrong.push(
        problem.wrongPattern(
          `BBFILE_PATTERN_${name}`,
          pattern ?? "",
          "the layer",
          d.spanOf(`BBFILE_PATTERN_${name}`),
        ),
      );
      return [];
    }
    const mayBeEmpty = d.getText(`BBFILE_PATTERN_IGNORE_EMPTY_${name}`) === "1";
    return [{ name, path: pathOf.get(name) ?? "", pattern, priority: priorities.get(name)!, mayBeEmpty }];
  });
  if (wrong.length > 0) throw new BuildError(wrong);
  return collections;
}

/** BBFILE_PRIORITY, or one more than the highest of the layers it depends on. */
function layerPriorities(d: Datastore, names: readonly string[], wrong: Diagnostic[]): Map<string, number> {
  const priorities = new Map<string, number>();
  for (const name of names) {
    const text = d.getText(`BBFILE_PRIORITY_${name}`);
    if (!text) continue;
    if (/^\s*[+-]?\d+\s*$/.test(text)) priorities.set(name, Number(text));
    else wrong.push(problem.badLayerPriority(name, text, d.spanOf(`BBFILE_PRIORITY_${name}`)));
  }
  const depends = new Map(names.map((name) => [name, layerDepends(d, name, names, wrong)]));
  // BitBake's: 0 counts as not set, and what comes after it starts anew.
  let lowest = 0;
  for (const priority of priorities.values()) if (lowest === 0 || priority < lowest) lowest = priority;
  const visit = (name: string, path: readonly string[]): number => {
    const known = priorities.get(name);
    if (known !== undefined && known !== 0) return known;
    // Layers that depend on each other in a ring: no priority follows from the ring itself.
    const others = path.includes(name) ? [] : (depends.get(name) ?? []);
    const priority = Math.max(lowest, ...others.map((other) => visit(other, [...path, name]))) + 1;
    priorities.set(name, priority);
    return priority;
  };
  for (const name of names) visit(name, []);
  return priorities;
}

/** Layers that count for the priority: all of LAYERDEPENDS, and those of LAYERRECOMMENDS that are there and fit. */
function layerDepends(d: Datastore, name: string, names: readonly string[], wrong: Diagnostic[]): string[] {
  const found: string[] = [];
  for (const variable of ["LAYERDEPENDS", "LAYERRECOMMENDS"]) {
    const at = d.spanOf(`${variable}_${name}`);
    const parsed = versionedDependencies(d.getText(`${variable}_${name}`));
    if ("wrong" in parsed) {
      wrong.push(problem.badLayerDependency(name, variable, parsed.wrong, at));
      continue;
    }
    const isRequired = variable === "LAYERDEPENDS";
    for (const [other, conditions] of parsed.names) {
      if (!names.includes(other)) {
        if (isRequired) wrong.push(problem.missingLayerDependency(name, other, nearest(other, names), at));
        continue;
      }
      const version = d.getText(`LAYERVERSION_${other}`) || undefined;
      const failed = conditions.find(
        (condition) => version === undefined || !meetsVersion(version, condition),
      );
      if (!failed) found.push(other);
      else if (isRequired) {
        const wanted = `(${failed.operator} ${failed.version})`;
        wrong.push(problem.layerVersion(name, other, wanted, version, at));
      }
    }
  }
  return found;
}
