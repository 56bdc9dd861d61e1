/** Finding files along BBPATH. */
import { dirname, isAbsolute, join, resolve } from "node:path";
import type { ParsedFile } from "@tsbake/language";
import type { Datastore } from "../datastore.js";
import type { EvaluationHost } from "./evaluator.js";

/** What a search has come to. */
export interface FoundFile {
  /** Undefined: no folder has it. */
  readonly file: ParsedFile | undefined;
  /** Every path looked at, in order; the last one is that of `file`. */
  readonly tried: readonly string[];
}

/** The folders of BBPATH; an empty entry is the working directory. */
export function searchFolders(d: Datastore): string[] {
  return (d.getText("BBPATH") ?? "").split(":");
}

/** The first of `folders` that has `name`. An absolute name is looked at alone. */
export function search(name: string, folders: readonly string[], host: EvaluationHost): FoundFile {
  const tried: string[] = [];
  for (const folder of isAbsolute(name) ? [""] : folders) {
    const path = isAbsolute(name) ? name : resolve(join(folder, name));
    tried.push(path);
    const file = host.load(path);
    if (file !== undefined) return { file, tried };
  }
  return { file: undefined, tried };
}

/** The folder of the including file first, then BBPATH. */
export function includeFolders(from: string, d: Datastore): string[] {
  return [dirname(from), ...searchFolders(d)];
}
