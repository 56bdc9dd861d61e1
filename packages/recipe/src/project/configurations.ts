/** What the parse cache has of a project's configurations: made from those that were read, and compared with the next run. */
import { BuildError, sortedUnique, words, type Diagnostic } from "@tsbake/base";
import { handledEvents, type Datastore } from "@tsbake/datastore";
import type { CacheStore, CachedConfiguration } from "../cache/cache.js";
import { digestConfiguration, libraryFiles, type Configuration } from "../configuration/configuration.js";
import { multiconfigNames } from "../configuration/configurations.js";
import { FLEETING, passedEnvironment } from "../configuration/environment.js";
import { preferenceNames } from "../providers/preference-names.js";
import { flagText } from "../recipe/flag.js";
import type { Reading } from "./reading.js";

/** Variables that the providers read whatever the metadata says. */
const ALWAYS_CACHED = ["ASSUME_PROVIDED", "BBMULTICONFIG", "BB_CACHED_CONFIG", "PREFERRED_PROVIDERS"];

/** Reads all configurations. @returns by name in BBMULTICONFIG. @throws BuildError of the metadata, or of `checkConfiguration` */
export async function readConfigurations(reading: Reading): Promise<Map<string, CachedConfiguration>> {
  const all = await reading.allConfigurations();
  const { checkConfiguration } = reading.options;
  if (checkConfiguration)
    refuse(await reading.withPython(() => [...all.values()].flatMap(({ d }) => checkConfiguration(d))));
  const cached = new Map<string, CachedConfiguration>();
  for (const [multiconfig, configuration] of all)
    cached.set(multiconfig, await reading.withPython(() => describe(multiconfig, configuration, reading)));
  return cached;
}

/** Each message once: configurations have most of their mistakes in common. @throws BuildError unless there is none */
function refuse(diagnostics: readonly Diagnostic[]): void {
  const known = new Set<string>();
  const distinct = diagnostics.filter(({ message }) => !known.has(message) && known.add(message));
  if (distinct.length > 0) throw new BuildError(distinct);
}

function describe(multiconfig: string, configuration: Configuration, reading: Reading): CachedConfiguration {
  const { d, files, warnings, collections } = configuration;
  const { options, python, files: table, hasher } = reading;
  const ignored = [...FLEETING, ...words(d.getText("BB_HASHCONFIG_IGNORE_VARS"))];
  return {
    files,
    digest: digestConfiguration(d, { ignored, libraries: libraryFiles(python) }, table, hasher),
    environment: countedEnvironment(options.environment, ignored),
    ignored,
    collect: {
      multiconfig,
      topdir: options.topdir,
      patterns: words(d.getText("BBFILES")),
      masks: words(d.getText("BBMASK")),
      collections,
    },
    ...askedValues(d, options.cachedConfig ?? []),
    events: handledEvents(d),
    taskThreads: taskThreads(d),
    warnings,
  };
}

/** Values of variables that are asked for without a parse, and the names of those that have none. */
function askedValues(d: Datastore, more: readonly string[]): Pick<CachedConfiguration, "values" | "absent"> {
  const names = [...ALWAYS_CACHED, ...words(d.getText("BB_CACHED_CONFIG")), ...more, ...preferenceNames(d)];
  const values: Record<string, string> = {};
  const absent: string[] = [];
  for (const name of sortedUnique(names)) {
    const value = d.getText(name);
    if (value === undefined) absent.push(name);
    else values[name] = value;
  }
  return { values, absent };
}

function taskThreads(d: Datastore): Record<string, string> {
  const threads: Record<string, string> = {};
  for (const name of sortedUnique(d.keys())) {
    const flag = name.startsWith("do_") ? flagText(d, name, "number_threads") : "";
    if (flag !== "") threads[name] = flag;
  }
  return threads;
}

/**
 * Whether the cache has the configurations as they would be read now. All or none: a handler of MultiConfigParsed may have
 * taken something from one into another.
 */
export function areConfigurationsValid(
  cached: ReadonlyMap<string, CachedConfiguration>,
  environment: Readonly<Record<string, string>>,
  store: CacheStore,
): boolean {
  const first = cached.get("");
  const isValid = (one: CachedConfiguration): boolean =>
    isSameEnvironment(one, environment) && store.isUnchanged(one.files);
  if (!first || ![...cached.values()].every(isValid)) return false;
  const names = multiconfigNames(first.values["BBMULTICONFIG"]);
  return names.length === cached.size - 1 && names.every((name) => cached.has(name));
}

function isSameEnvironment(
  cached: CachedConfiguration,
  environment: Readonly<Record<string, string>>,
): boolean {
  const now = countedEnvironment(environment, cached.ignored);
  const before = cached.environment;
  return [...new Set([...Object.keys(now), ...Object.keys(before)])].every(
    (name) => now[name] === before[name],
  );
}

function countedEnvironment(
  environment: Readonly<Record<string, string>>,
  ignored: readonly string[],
): Record<string, string> {
  const passed = Object.entries(passedEnvironment(environment));
  return Object.fromEntries(passed.filter(([name]) => !ignored.includes(name)));
}
