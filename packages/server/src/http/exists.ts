/** `POST .exists`: which of many objects are there, in one answer. */
import type { IncomingMessage } from "node:http";
import { BuildError, eachLimited } from "@tsbake/base";
import { readData } from "@tsbake/base/data";
import { API_HEADER, API_VERSION, ExistsRequest, type ExistsAnswer } from "@tsbake/sstate/remote";
import { badRequest } from "../problems.js";
import { Refusal } from "./answers.js";
import type { Exchange, HttpContext } from "./context.js";
import { checkName } from "./names.js";

const LONGEST_BODY = 4 << 20;

/** @throws Refusal 400, 413 */
export async function answerExists(
  { storage, metrics, usage }: HttpContext,
  { request, response }: Exchange,
): Promise<void> {
  const { names } = namesIn(await readText(request, LONGEST_BODY));
  usage.begin();
  const there = await eachLimited(names, storage.atOnce, async (text) => {
    const name = checkName(text);
    const isThere = name !== undefined && (await storage.find(name.path)) !== undefined;
    if (name?.kind === "object") metrics.add(isThere ? "hits_total" : "misses_total");
    return isThere;
  });
  const answer: ExistsAnswer = { there };
  const body = Buffer.from(JSON.stringify(answer));
  response.writeHead(200, {
    "content-type": "application/json",
    "content-length": body.length,
    [API_HEADER]: API_VERSION,
  });
  response.end(body);
}

function namesIn(text: string): ExistsRequest {
  try {
    return readData(ExistsRequest, text, badRequest);
  } catch (error) {
    if (!(error instanceof BuildError)) throw error;
    throw new Refusal(400, error.diagnostics[0]!.message);
  }
}

async function readText(request: IncomingMessage, most: number): Promise<string> {
  const pieces: Buffer[] = [];
  let length = 0;
  if (Number(request.headers["content-length"] ?? 0) > most)
    throw new Refusal(413, `a request has at most ${most} bytes`);
  for await (const piece of request as AsyncIterable<Buffer>) {
    if ((length += piece.length) > most) throw new Refusal(413, `a request has at most ${most} bytes`);
    pieces.push(piece);
  }
  return Buffer.concat(pieces).toString();
}
