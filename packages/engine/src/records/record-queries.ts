/** Which records of signatures a build has, and what two of them say. */
import { dirname, join } from "node:path";
import { BuildError } from "@tsbake/base";
import type { ParsedProject, Providers } from "@tsbake/recipe";
import { diffRecordFiles } from "./diff-records.js";
import type { RecordDiff } from "./diff-records.js";
import { tooFewRecords, unknownTask } from "../problems.js";
import { SignatureRecords } from "./records.js";
import type { RecordFile } from "./records.js";
import { splitTarget, taskName } from "../phases/targets.js";

interface Recorded {
  readonly project: Pick<ParsedProject, "recipes">;
  readonly providers: Pick<Providers, "build">;
  readonly records: SignatureRecords;
}

export function openRecords(project: ParsedProject, topdir: string): SignatureRecords {
  const text = (name: string) => project.configurationText(name);
  const folder = text("STAMPS_DIR") ?? join(text("TMPDIR") ?? topdir, "stamps");
  const elsewhere = [...project.recipes.values()].map(({ stamp }) => dirname(stamp));
  const stamps = [folder, ...elsewhere.filter((one) => !one.startsWith(`${folder}/`))];
  const store = text("SSTATE_DIR");
  return new SignatureRecords({ stamps: [...new Set(stamps)], ...(store && { store }) });
}

/** As `Build.listRecords`. @throws BuildError `engine/unknown-task`, and for a target that nobody provides */
export async function listRecords(
  { project, providers, records }: Recorded,
  target: string,
  task?: string,
): Promise<Map<string, RecordFile[]>> {
  const split = splitTarget(target);
  const recipe = project.recipes.get(providers.build(split.name))!;
  const wanted = task ?? split.task;
  const names = wanted === undefined ? Object.keys(recipe.tasks) : [taskName(wanted)];
  if (wanted !== undefined && !recipe.tasks[names[0]!])
    throw new BuildError([unknownTask(recipe, names[0]!)]);
  const found = new Map<string, RecordFile[]>();
  for (const name of names) found.set(name, await records.ofTask(recipe, name, ["stamps"]));
  return found;
}

/** As `Build.diffTask`. @throws BuildError `engine/too-few-records` */
export async function diffTask(
  recorded: Recorded,
  target: string,
  task: string,
  hashes: readonly string[],
): Promise<RecordDiff> {
  const files = (await listRecords(recorded, target, task)).get(taskName(task)) ?? [];
  const label = `${splitTarget(target).name}:${taskName(task)}`;
  const named = (hash: string) => files.find(({ unihash }) => unihash.startsWith(hash));
  const [after, before] = hashes.length > 0 ? [hashes[1], hashes[0]].map((hash) => named(hash!)) : files;
  if (!before || !after) {
    const missing = hashes.filter((hash) => !named(hash));
    throw new BuildError([tooFewRecords(label, missing)]);
  }
  return { ...(await diffRecordFiles(before.path, after.path, recorded.records)), label };
}
