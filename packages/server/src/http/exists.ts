/** `POST .exists`: which of many objects are there, in one answer. */
import { ExistsRequest, type ExistsAnswer } from "@tsbake/sstate/remote";
import { readJson, sendJson } from "./json.js";
import type { Exchange, HttpContext } from "./context.js";
import { checkName } from "./names.js";

const LONGEST_BODY = 4 << 20;

/** @throws Refusal 400, 413 */
export async function answerExists(
  { storage, metrics, usage }: HttpContext,
  { request, response }: Exchange,
): Promise<void> {
  const { names } = await readJson(ExistsRequest, request, LONGEST_BODY);
  usage.begin();
  const paths = names.map((text) => checkName(text));
  const known = paths.filter((name) => name !== undefined);
  const found = await storage.exist(known.map(({ path }) => path));
  const isThere = new Map(known.map((name, at) => [name, found[at] ?? false]));
  for (const [{ kind }, is] of isThere)
    if (kind === "object") metrics.add(is ? "hits_total" : "misses_total");
  const there = paths.map((name) => name !== undefined && (isThere.get(name) ?? false));
  const answer: ExistsAnswer = { there };
  sendJson(response, answer);
}
