/** Asks the engine about signatures, and words the answer. */
import { diffRecordFiles, readRecordFile } from "@tsbake/engine";
import type { Build, BuildRequest, LockedBuild } from "@tsbake/engine";
import type { SignatureQuery } from "../command-line/signature-query.js";
import { diffText, recordListText, recordText, whatChangedText } from "./signature-text.js";
import type { Paint } from "../text/text.js";

/** Questions about files, which need no project: undefined for all others. @throws BuildError */
export async function answerAboutFiles(query: SignatureQuery, paint: Paint): Promise<string | undefined> {
  if (query.kind === "dump-file") return recordText(await readRecordFile(query.path));
  if (query.kind === "diff-files") return diffText(await diffRecordFiles(query.before, query.after), paint);
  return undefined;
}

/** Questions about a project. @throws BuildError */
export async function answerAboutProject(query: SignatureQuery, build: Build, paint: Paint): Promise<string> {
  switch (query.kind) {
    case "dump-task": {
      const records = await build.listRecords(query.recipe);
      const [files] = records.values();
      if (records.size > 1 || !files?.[0]) return recordListText(records);
      return recordText(await readRecordFile(files[0].path, build.records));
    }
    case "diff-task":
      return diffText(await build.diffTask(query.recipe, query.task, query.hashes), paint);
    case "what-changed":
    case "dump-file":
    case "diff-files":
      throw new Error("internal: this question is asked elsewhere");
  }
}

/** `whatchanged`, `-S printdiff`. @throws BuildError */
export async function answerWhatChanged(
  query: SignatureQuery,
  build: LockedBuild,
  request: BuildRequest,
  paint: Paint,
): Promise<string> {
  if (query.kind !== "what-changed") throw new Error("internal: this question is asked elsewhere");
  return whatChangedText(await build.whatChanged(request, query.against), query.against, paint);
}
