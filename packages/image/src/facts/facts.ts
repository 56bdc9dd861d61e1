/**
 * What do_rootfs leaves for the tasks after it: the packages of an image or of an extension, the scripts that did not
 * run, and what the whole closure would have taken. One JSON file, same bytes for the same install.
 */
import { BuildError } from "@tsbake/base";
import * as problems from "../problems.js";

export interface PackageFact {
  readonly name: string;
  readonly version: string;
  readonly architecture: string;
  /** Of the package file; absent when the package came another way. */
  readonly sha256?: string;
  readonly licence?: string;
  readonly installedSizeBytes: number;
}

export interface ScriptFact {
  readonly package: string;
  readonly version: string;
  readonly script: string;
  readonly sha256: string;
}

/** A path that ships with a narrower mode than its package has. */
export interface NarrowedMode {
  readonly path: string;
  /** Permission bits as packed, and as they ship. */
  readonly from: number;
  readonly to: number;
  /** Whose script would have done it, with the command. */
  readonly package: string;
  readonly script: string;
  readonly text: string;
}

export interface LayerFacts {
  readonly format: 1;
  readonly backend: string;
  readonly architecture: string;
  /** Digest of the database that this was installed on; absent for a base. */
  readonly baseDigest?: string;
  /** Names that were asked for; the others came because these need them. */
  readonly requested: readonly string[];
  /** Sorted by name. */
  readonly packages: readonly PackageFact[];
  /** Packages and bytes of what these need with nothing installed. */
  readonly closure: { readonly count: number; readonly installedSizeBytes: number };
  readonly skippedScripts: readonly ScriptFact[];
  /** In the order of the tree; empty for a base, whose scripts run. */
  readonly narrowedModes: readonly NarrowedMode[];
  /** Packages of the base that were let change, as `name from to`. */
  readonly changedInBase: readonly string[];
  readonly warnings: readonly string[];
}

/** JSON, indented, ending in a newline. */
export function formatFacts(facts: LayerFacts): string {
  return `${JSON.stringify(facts, undefined, 2)}\n`;
}

/**
 * @param name what to call the text in an error
 * @throws BuildError `image/bad-layer-facts`
 */
export function parseFacts(text: string, name: string): LayerFacts {
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch {
    throw new BuildError([problems.badLayerFacts(name, "it is not JSON")]);
  }
  if (!isFacts(value))
    throw new BuildError([problems.badLayerFacts(name, "fields are missing or of another kind")]);
  return value;
}

function isFacts(value: unknown): value is LayerFacts {
  if (!isRecord(value) || value["format"] !== 1) return false;
  const { backend, architecture, requested, packages, closure } = value;
  const { skippedScripts, narrowedModes, changedInBase, warnings } = value;
  if (typeof backend !== "string" || typeof architecture !== "string" || !isRecord(closure)) return false;
  if (typeof closure["count"] !== "number" || typeof closure["installedSizeBytes"] !== "number") return false;
  if (!isTexts(requested)) return false;
  return (
    isList(packages, isPackage) &&
    isList(skippedScripts, isScript) &&
    isList(narrowedModes, isNarrowedMode) &&
    isTexts(changedInBase) &&
    isTexts(warnings)
  );
}

function isPackage(value: unknown): boolean {
  return (
    isRecord(value) &&
    hasTexts(value, "name", "version", "architecture") &&
    typeof value["installedSizeBytes"] === "number"
  );
}

function isScript(value: unknown): boolean {
  return isRecord(value) && hasTexts(value, "package", "version", "script", "sha256");
}

function isNarrowedMode(value: unknown): boolean {
  return (
    isRecord(value) &&
    hasTexts(value, "path", "package", "script", "text") &&
    typeof value["from"] === "number" &&
    typeof value["to"] === "number"
  );
}

function isTexts(value: unknown): boolean {
  return isList(value, (one) => typeof one === "string");
}

function isList(value: unknown, isOne: (one: unknown) => boolean): boolean {
  return Array.isArray(value) && value.every(isOne);
}

function hasTexts(value: Readonly<Record<string, unknown>>, ...keys: string[]): boolean {
  return keys.every((key) => typeof value[key] === "string");
}

function isRecord(value: unknown): value is Readonly<Record<string, unknown>> {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}
