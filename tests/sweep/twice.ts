/**
 * Whether a second build makes the same bytes. What differs is random, of a clock, or of an order, and none of that may be in
 * an image: the mechanism is mended where it is made, never the image.
 */
import { readFileSync } from "node:fs";
import { basename, join } from "node:path";
import { parseFileManifest } from "@tsbake/image";

/** What an extension's tree holds, a line a path by path. */
export type TreeContent = ReadonlyMap<string, string>;

/** @param project the build's project folder */
export function treeContent(project: string, recipe: string): TreeContent {
  const path = join(project, `build/tmp/work/generic/${recipe}/1.0/image-tree/files.jsonl`);
  const entries = parseFileManifest(readFileSync(path, "utf8"), basename(path));
  return new Map(entries.map((entry) => [entry.path, JSON.stringify(entry)]));
}

/** The paths that two builds of one extension have otherwise, sorted. */
export function unlike(first: TreeContent, second: TreeContent): string[] {
  const paths = new Set([...first.keys(), ...second.keys()]);
  return [...paths].filter((path) => first.get(path) !== second.get(path)).sort();
}
