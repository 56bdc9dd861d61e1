/** The base configuration, in BitBake's order. docs/language.md 1.4 to 1.7. */
import { readdirSync } from "node:fs";
import { join } from "node:path";
import { BuildError, byText, Source, words, type Diagnostic, type Hasher } from "@tsbake/base";
import { Datastore, fireEvent, inheritClass, registerHandlers } from "@tsbake/datastore";
import { importEnvironment } from "./environment.js";
import { Evaluation } from "./evaluation.js";
import type { FileTable } from "../files/files.js";
import { layerFolders, readCollections, readLayers, type Collection } from "./layers.js";
import { isFolder } from "../files/pattern.js";
import * as problem from "../problems.js";
import type { CompleteOptions } from "../project/types.js";
import type { PythonSession } from "./python-session.js";

export interface Configuration {
  readonly d: Datastore;
  readonly collections: readonly Collection[];
  /** Every file that was looked for. */
  readonly files: readonly string[];
  readonly warnings: readonly Diagnostic[];
}

/** The variable that holds, for `tsbake -e`, which file of the configuration includes which. */
export const INCLUDE_HISTORY = "__include_history";

/** What BitBake allows: a handler that goes on asking would never end. */
const MAXIMUM_ROUNDS = 20;

/**
 * Reads the configuration once, in full.
 *
 * @param multiconfig name in BBMULTICONFIG; empty for the default configuration
 * @throws BuildError; what `options.python` throws when Python is not open
 */
export function parseConfiguration(
  options: CompleteOptions,
  multiconfig: string,
  table: FileTable,
  python: PythonSession,
): Configuration {
  python.reset();
  python.libraries.length = 0;
  for (let round = 0; round <= MAXIMUM_ROUNDS; round++) {
    const configuration = readOnce(options, multiconfig, new Evaluation(table, python), python);
    if (configuration.d.getVar("BB_INVALIDCONF", { expand: false }) !== true) {
      configuration.d.renameVar("__depends", "__base_depends");
      configuration.d.setVar("__bbclasstype", "recipe");
      python.mark();
      return { ...configuration, files: [...configuration.files, ...libraryFiles(python)] };
    }
  }
  throw new BuildError([problem.configurationLoop()]);
}

function readOnce(
  options: CompleteOptions,
  multiconfig: string,
  host: Evaluation,
  python: PythonSession,
): Configuration {
  const d = new Datastore({ python: () => python, trackHistory: options.trackHistory ?? false });
  importEnvironment(d, options.environment);
  d.setVar("__bbclasstype", "global");
  d.setVar("BB_CURRENT_MC", multiconfig);
  d.setVar("TOPDIR", options.topdir);
  for (const [name, value] of Object.entries(options.initial)) d.setVar(name, value);
  readNamed(options.preFiles, d, host);

  const layersFile = join(options.topdir, "conf/bblayers.conf");
  const hasLayers = host.evaluate(layersFile, d) || options.coreLayers.length > 0;
  if (!d.getText("BB_CACHEDIR")) d.setVar("BB_CACHEDIR", "${TOPDIR}/cache");
  // Without layers, BBPATH of the environment is all there is.
  if (!hasLayers && !d.getText("BBPATH")) throw new BuildError([problem.noLayers(layersFile)]);
  const folders = hasLayers ? layerFolders(d, options.coreLayers, layersFile, host) : [];
  if (hasLayers) d.setVar("BBLAYERS", folders.join(" "));
  const pathOf = readLayers(d, folders, host);

  readFirst("conf/bitbake.conf", d, host);
  readNamed(options.postFiles, d, host);
  for (const name of ["base", ...words(d.getText("INHERIT"))]) inheritClass(name, d, host);
  registerHandlers(d);
  d.setVar("BBINCLUDED", host.included().join(" "));
  if (d.trackHistory) d.setVar(INCLUDE_HISTORY, describeReadings(host.readings));
  fireEvent({ eventClass: "bb.event.ConfigParsed", attributes: {} }, d, host);
  return {
    d,
    collections: readCollections(d, pathOf),
    files: [...host.files],
    warnings: host.warnings,
  };
}

/** A line a file, what it includes below it by two blanks. */
function describeReadings(readings: Evaluation["readings"]): string {
  return readings
    .map(({ depth, name }, index) => {
      const includes = (readings[index + 1]?.depth ?? 0) > depth ? " includes:" : "";
      return `${"  ".repeat(depth)}${name}${includes}`;
    })
    .join("\n");
}

function readNamed(paths: readonly string[], d: Datastore, host: Evaluation): void {
  for (const path of paths) {
    if (!host.evaluate(path, d)) throw new BuildError([problem.missingConfigurationFile(path)]);
  }
}

/** The first of `name` along BBPATH. Every candidate counts as looked for, so that one that appears later is noticed. */
function readFirst(name: string, d: Datastore, host: Evaluation): void {
  const folders = (d.getText("BBPATH") ?? "").split(":").filter((folder) => folder !== "");
  if (!folders.some((folder) => host.evaluate(join(folder, name), d, name))) {
    throw new BuildError([problem.missingBitbakeConf(folders)]);
  }
}

/** Python files that `addpylib` made importable: what they do shows in no variable. */
export function libraryFiles(python: PythonSession): string[] {
  return python.libraries.flatMap(({ directory, namespace }) => {
    const module = `${namespace}.py`;
    // Python tells of a folder that is not there, when it is asked.
    if (!isFolder(directory)) return [];
    return readdirSync(directory, { recursive: true, encoding: "utf8" })
      .filter((name) => name.endsWith(".py") && (name === module || name.startsWith(`${namespace}/`)))
      .sort(byText)
      .map((name) => join(directory, name));
  });
}

/** Values that name a place hold the whole text of its file. */
function withoutSources(_: string, value: unknown): unknown {
  return value instanceof Source ? value.path : value;
}

/** Engine state and what differs with every run: no recipe may depend on it. */
const UNHASHED = new Set([
  "BB_ORIGENV",
  "__depends",
  "__base_depends",
  "BBINCLUDED",
  "BB_INVALIDCONF",
  INCLUDE_HISTORY,
]);

/**
 * Digest of everything a recipe starts from: raw values, flags, appends, handlers and library files. A changed comment
 * in a conf file changes the file and not this.
 */
export function digestConfiguration(
  d: Datastore,
  { ignored, libraries }: { readonly ignored: readonly string[]; readonly libraries: readonly string[] },
  table: FileTable,
  hasher: Hasher,
): string {
  const left = new Set([...UNHASHED, ...ignored]);
  const lines = [...d.keys()]
    .filter((name) => !left.has(name))
    .sort(byText)
    .map((name) => {
      const flags = [...(d.getVarFlags(name, { expand: false, internal: true }) ?? [])].sort(
        ([left], [right]) => byText(left, right),
      );
      return JSON.stringify([name, d.getVar(name, { expand: false }) ?? null, flags], withoutSources);
    });
  for (const path of libraries) lines.push(`${path} ${table.digest(path)}`);
  return hasher.digest(lines.join("\n"));
}
