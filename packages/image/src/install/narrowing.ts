/** What scripts that did not run would have taken away, and what is said of the rest. */
import type { FileEntry } from "@tsbake/archive";
import { type InstallResult, type PackageDatabase, scriptModes } from "@tsbake/packaging";
import type { NarrowedMode } from "../facts/facts.js";
import { missingAlternatives } from "../layer/alternatives.js";
import { narrowedModes, overrideRules, unreadModes } from "../layer/modes.js";

export interface Narrowing {
  readonly narrowed: NarrowedMode[];
  /** By path. */
  readonly modes: ReadonlyMap<string, number>;
  /** Sentences for a report. */
  readonly warnings: string[];
}

/** @param entries the layer's tree, with the packages that its paths come from */
export function narrowing(
  result: InstallResult,
  base: PackageDatabase,
  entries: readonly FileEntry[],
): Narrowing {
  const read = scriptModes(result.skippedScripts);
  const narrowed = narrowedModes(entries, [...read.rules, ...overrideRules(base)]);
  const there = new Set([...entries.map(({ path }) => path), ...base.alternatives.map(({ link }) => link)]);
  const missing = missingAlternatives(read.alternatives, (path) => there.has(path));
  return {
    narrowed,
    modes: new Map(narrowed.map(({ path, to }) => [path, to])),
    warnings: [...result.warnings, ...unreadModes(read), ...missing],
  };
}
