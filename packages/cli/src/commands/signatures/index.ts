/** `tsbake dumpsig`, `diffsigs`, `whatchanged`, `-S printdiff`: asks the engine about signatures, and words the answer. */
import { diffRecordFiles, readRecordFile } from "@tsbake/engine";
import type { Build } from "@tsbake/engine";
import { buildRequest, lockOf } from "../build.js";
import type { Asked, SessionCommand } from "../command.js";
import type { SignatureQuery } from "../../command-line/signature-query.js";
import { ALL_WELL } from "../../process/exit-code.js";
import { ansiPaint, type Paint, plainPaint } from "../../text/text.js";
import { diffText, recordListText, recordText, whatChangedText } from "./signature-text.js";

export const signatures: SessionCommand = {
  async answerAlone(asked) {
    const { request } = asked;
    if (request.query?.kind === "dump-file")
      return { text: recordText(await readRecordFile(request.query.path)) };
    if (request.query?.kind !== "diff-files") return undefined;
    const { before, after } = request.query;
    return { text: diffText(await diffRecordFiles(before, after), paintOf(asked)) };
  },
  async answer(asked, build) {
    return { text: await answerAboutProject(asked.request.query, build, paintOf(asked)) };
  },
};

export const whatChanged: SessionCommand = {
  locked: {
    holds: lockOf,
    async run(asked, build, display) {
      const { request, around } = asked;
      if (request.query?.kind !== "what-changed") throw notThis();
      const { against } = request.query;
      const changes = await build.whatChanged(buildRequest(request, around), against);
      display.answer(whatChangedText(changes, against, paintOf(asked)));
      return ALL_WELL;
    },
  },
};

async function answerAboutProject(
  query: SignatureQuery | undefined,
  build: Build,
  paint: Paint,
): Promise<string> {
  switch (query?.kind) {
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
    case undefined:
      throw notThis();
  }
}

function notThis(): Error {
  return new Error("internal: this question is asked elsewhere");
}

/** Answers go to standard output, in colour when a person reads them there. */
function paintOf({ request, around }: Asked): Paint {
  const { stdout, environment } = around;
  const isSeen = request.ui === "auto" && stdout.isTTY === true && environment["TERM"] !== "dumb";
  return isSeen && !environment["NO_COLOR"] ? ansiPaint : plainPaint;
}
