/** `POST .prune`: objects that are too old, or too many, go. */
import { PruneQuestion, type PruneAnswer } from "@tsbake/sstate/remote";
import type { Exchange, HttpContext } from "./context.js";
import { readJson, sendJson } from "./json.js";

const LONGEST_BODY = 4096;

/** @throws Refusal 400, 413 */
export async function answerPrune({ prune }: HttpContext, { request, response }: Exchange): Promise<void> {
  const { max_age_seconds, max_bytes, dry_run } = await readJson(PruneQuestion, request, LONGEST_BODY);
  const { removed, freedBytes, keptObjects, keptBytes } = await prune({
    ...(max_age_seconds !== undefined && { maxAgeMs: max_age_seconds * 1000 }),
    ...(max_bytes !== undefined && { maxBytes: max_bytes }),
    dryRun: dry_run,
  });
  const answer: PruneAnswer = {
    removed: removed.length,
    freed_bytes: freedBytes,
    kept: keptObjects,
    kept_bytes: keptBytes,
  };
  sendJson(response, answer);
}
