/**
 * Whether what a task is about to read, or has read, still is what was signed. A build lasts hours, and people edit
 * meanwhile: a recipe is evaluated when its first task starts, a source is copied when it is unpacked.
 */
import { statSync } from "node:fs";
import { words, type Diagnostic } from "@tsbake/base";
import type { Datastore } from "@tsbake/datastore";
import type { Signatures, TaskGraph, TaskId } from "@tsbake/graph";
import type { ParsedProject } from "@tsbake/recipe";
import { changedMeanwhile } from "../problems.js";
import type { FileDigests } from "../signing/file-digests.js";

export interface SignedInputs {
  readonly graph: TaskGraph;
  readonly signatures: Signatures;
  readonly project: ParsedProject;
  readonly files: FileDigests;
  /** Ms since epoch. */
  readonly parsedAtMs: number;
}

/**
 * @param d the recipe as the body will see it; without one, its metadata is not looked at again
 * @returns one problem, or none
 * @throws BuildError `graph/unstable-metadata` where no file has changed
 */
export async function changedInputs(
  inputs: SignedInputs,
  task: TaskId,
  d: Datastore | undefined,
): Promise<readonly Diagnostic[]> {
  const { graph, project, signatures, files } = inputs;
  const info = project.recipes.get(graph.node(task).recipe)!;
  const changed: string[] = [];
  for (const path of signatures.paths(task)) if (await files.isChanged(path)) changed.push(path);
  if (changed.length === 0 && d) {
    const unstable = signatures.differing(task, d);
    if (!unstable) return [];
    const later = [info.file, ...words(d.getText("BBINCLUDED"))].filter((path) =>
      isNewer(path, inputs.parsedAtMs),
    );
    if (later.length === 0) return [unstable];
    changed.push(...new Set(later));
  }
  return changed.length === 0 ? [] : [changedMeanwhile(graph.label(task), changed)];
}

function isNewer(path: string, sinceMs: number): boolean {
  const found = statSync(path, { throwIfNoEntry: false });
  // What is gone has changed, too.
  return !found || found.ctimeMs >= sinceMs;
}
