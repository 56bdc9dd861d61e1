/** Outputs that somebody has deleted while the stamps stayed. */
import { existsSync } from "node:fs";
import { words } from "@tsbake/base";
import type { Datastore } from "@tsbake/datastore";
import { asText } from "../body/shell-script.js";
import type { PlannedTask } from "./planned-task.js";

export interface FolderGone {
  readonly task: PlannedTask;
  readonly folder: string;
}

/**
 * Which of these tasks of one recipe have left folders that are not there any more: [cleandirs], [dirs] and those of the
 * artifact.
 *
 * @param tmpdir TMPDIR: downloads and the like are no output of a task, and may be deleted to save room
 */
export function foldersGone(tasks: readonly PlannedTask[], d: Datastore, tmpdir: string): FolderGone[] {
  const below = `${tmpdir}/`;
  return tasks.flatMap((task) => {
    const { inputs = [], plain = [] } = task.info.artifact ?? {};
    const flags = ["cleandirs", "dirs"].flatMap((flag) => words(asText(d.getVarFlag(task.name, flag))));
    const folder = [...inputs, ...plain, ...flags].find(
      (path) => path.startsWith(below) && !/[*?[]/.test(path) && !existsSync(path),
    );
    return folder === undefined ? [] : [{ task, folder }];
  });
}
