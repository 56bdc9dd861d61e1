/** GET and HEAD of objects and of what stands beside them. */
import type { ServerResponse } from "node:http";
import { API_HEADER, API_VERSION } from "@tsbake/sstate/remote";
import type { StoragePath } from "../storage/index.js";
import { Refusal } from "./answers.js";
import type { Exchange, HttpContext } from "./context.js";
import { answerFor, countQuestion, type ObjectAnswer } from "./object-answer.js";

/** @throws Refusal 404, 416 */
export async function sendObject(context: HttpContext, exchange: Exchange, name: StoragePath): Promise<void> {
  const { request, response } = exchange;
  const { storage, usage } = context;
  const startedMs = usage.begin();
  const found = await storage.find(name.path);
  countQuestion(context, name, found !== undefined);
  const { headers } = request;
  const answer = answerFor(name, found, {
    ifNoneMatch: headers["if-none-match"],
    ifRange: headers["if-range"]?.toString(),
    range: headers.range,
  });
  if (request.method === "HEAD" || answer.status === 304 || answer.found.sizeBytes === 0) {
    response.writeHead(answer.status, answer.headers).end();
    return;
  }
  await sendBody(context, response, name, answer);
  usage.noteAnswer("GET", name.path, startedMs, Number(answer.headers["content-length"]));
}

async function sendBody(
  { storage, metrics }: HttpContext,
  response: ServerResponse,
  name: StoragePath,
  { status, headers, found, range }: ObjectAnswer,
): Promise<void> {
  const body = await storage.read(name.path, found, range);
  if (!body) throw new Refusal(404, "the object is gone", { [API_HEADER]: API_VERSION });
  response.writeHead(status, headers);
  metrics.add("sent_bytes_total", undefined, Number(headers["content-length"]));
  if (Buffer.isBuffer(body)) {
    response.end(body);
    return;
  }
  // A file that has become shorter, and a client that has gone: the length was promised, so the connection ends.
  try {
    if (await body((piece) => written(response, piece))) response.end();
    else response.destroy();
  } catch (error) {
    response.destroy();
    if (!(error instanceof ClientGone)) throw error;
  }
}

/** Nobody is there to be told. */
class ClientGone extends Error {}

/** The piece has left for the kernel, or will never. */
function written(response: ServerResponse, piece: Buffer): Promise<void> {
  return new Promise((resolve, reject) => {
    if (response.destroyed || response.closed) return reject(new ClientGone());
    // Of a connection that ends meanwhile, a write may not be told of any more.
    const gone = (): void => reject(new ClientGone());
    response.once("close", gone);
    response.write(piece, (error) => {
      response.off("close", gone);
      if (error) gone();
      else resolve();
    });
  });
}
