/** Questions and answers in JSON. */
import type { IncomingMessage, ServerResponse } from "node:http";
import type * as v from "valibot";
import { BuildError } from "@tsbake/base";
import { readData } from "@tsbake/base/data";
import { API_HEADER, API_VERSION } from "@tsbake/sstate/remote";
import { badRequest } from "../problems.js";
import { Refusal } from "./answers.js";

/** @throws Refusal 400, 413 */
export async function readJson<Schema extends v.GenericSchema>(
  schema: Schema,
  request: IncomingMessage,
  most: number,
): Promise<v.InferOutput<Schema>> {
  const text = await readText(request, most);
  try {
    return readData(schema, text, badRequest);
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

/** With status 200. */
export function sendJson(response: ServerResponse, answer: object): void {
  const body = Buffer.from(JSON.stringify(answer));
  response.writeHead(200, {
    "content-type": "application/json",
    "content-length": body.length,
    [API_HEADER]: API_VERSION,
  });
  response.end(body);
}
