/** Which files a datastore was made from: when one of them changes, it has to be made again. */
import type { Datastore } from "../datastore.js";
import { FileList } from "./file-list.js";

/** Files that this datastore was made from since the base configuration, and files it would have been made from. */
export function filesOf(d: Datastore, variable = "__depends"): FileList {
  const files = d.getVar(variable, { expand: false });
  return files instanceof FileList ? files : FileList.empty();
}

/** Adds to them. */
export function noteFiles(d: Datastore, paths: readonly string[]): void {
  const before = filesOf(d);
  let files = before;
  for (const path of paths) files = files.add(path);
  if (files !== before) d.setVar("__depends", files, { parsing: true });
}

/** Whether a file's name is that of metadata: recipes, classes, includes, configuration. */
export function isMetadata(path: string): boolean {
  return /\.(?:bb|bbclass|inc|conf)$/.test(path);
}
