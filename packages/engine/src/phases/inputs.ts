/**
 * Whether what a task is about to read, or has read, still is what was signed. A build lasts hours, and people edit
 * meanwhile: a recipe is evaluated when its first task starts, a source is copied when it is unpacked.
 */
import { existsSync, statSync } from "node:fs";
import { words, type Diagnostic } from "@tsbake/base";
import type { Datastore } from "@tsbake/datastore";
import { taskId, type Signatures, type TaskGraph, type TaskId } from "@tsbake/graph";
import type { ParsedProject } from "@tsbake/recipe";
import { changedMeanwhile } from "../problems.js";
import type { SignedPrograms } from "../settings/programs.js";
import type { FileDigests } from "../signing/file-digests.js";

/**
 * The tasks whose bodies call the fetcher for sources again that do_fetch has signed: local files are read where they lie.
 * Tasks after them read copies, and whoever edits a source then is not disturbed.
 */
const SOURCE_READERS: ReadonlySet<string> = new Set(["do_unpack", "do_patch"]);

export interface SignedInputs {
  readonly graph: TaskGraph;
  readonly signatures: Signatures;
  readonly project: ParsedProject;
  readonly files: FileDigests;
  readonly programs: SignedPrograms;
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
  const { graph, project, signatures, files, programs } = inputs;
  const info = project.recipes.get(graph.node(task).recipe)!;
  const changed: string[] = [];
  for (const reader of inputsOf(graph, task)) {
    for (const path of signatures.paths(reader)) if (await files.isChanged(path)) changed.push(path);
    // Found first now, in the place of the one that was signed.
    changed.push(...signatures.absentPaths(reader).filter((path) => existsSync(path)));
  }
  if (d) changed.push(...(await programs.changed(signatures.variables(task, d))));
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

/** The tasks whose signed files the body of this one reads. */
function inputsOf(graph: TaskGraph, task: TaskId): TaskId[] {
  const { recipe, task: name } = graph.node(task);
  const fetch = taskId(recipe, "do_fetch");
  return SOURCE_READERS.has(name) && graph.has(fetch) ? [fetch, task] : [task];
}

function isNewer(path: string, sinceMs: number): boolean {
  const found = statSync(path, { throwIfNoEntry: false });
  // What is gone has changed, too.
  return !found || found.ctimeMs >= sinceMs;
}
