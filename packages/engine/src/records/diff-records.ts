/** Two records compared, with what changed below them. */
import { resolve } from "node:path";
import { BuildError } from "@tsbake/base";
import { traceChanges } from "@tsbake/graph";
import type { Cause, SignatureExplanation } from "@tsbake/graph";
import { noRecord } from "../problems.js";
import { foldersBeside, recipeOf, recordFile, SignatureRecords } from "./records.js";

export interface RecordDiff {
  /** `PN:do_task`, as far as the files' names say. */
  readonly label: string;
  readonly before: SignatureExplanation;
  readonly after: SignatureExplanation;
  readonly causes: readonly Cause[];
}

/**
 * Compares two files, and follows changed tasks to their records among `records`; without these, to what lies in the
 * same folders of stamps or shared state.
 *
 * @throws BuildError `engine/no-record`
 */
export async function diffRecordFiles(
  before: string,
  after: string,
  records = recordsBeside([before, after]),
): Promise<RecordDiff> {
  const [old, now] = await Promise.all([readRecordFile(before, records), readRecordFile(after, records)]);
  const pn = recipeOf(resolve(after), recordFile(after)?.place ?? "stamps");
  const label = `${pn}:${now.task}`;
  const causes = await traceChanges({ label, before: old, after: now }, (need, hash) =>
    records.find(need, hash),
  );
  return { label, before: old, after: now, causes };
}

/** @throws BuildError `engine/no-record` */
export async function readRecordFile(
  path: string,
  records = recordsBeside([path]),
): Promise<SignatureExplanation> {
  const record = await records.read(resolve(path));
  if (!record) throw new BuildError([noRecord(path)]);
  return record;
}

function recordsBeside(paths: readonly string[]): SignatureRecords {
  const folders = paths.map((path) => foldersBeside(resolve(path)));
  const store = folders.find((one) => one.store !== undefined)?.store;
  return new SignatureRecords({
    stamps: [...new Set(folders.flatMap((one) => one.stamps))],
    ...(store !== undefined && { store }),
  });
}
