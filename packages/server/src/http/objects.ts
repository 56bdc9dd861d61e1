/** GET and HEAD of objects and of what stands beside them. */
import type { ServerResponse } from "node:http";
import { API_HEADER, API_VERSION } from "@tsbake/sstate/remote";
import type { ServedFile, StoragePath } from "../storage/index.js";
import { Refusal } from "./answers.js";
import type { Exchange, HttpContext } from "./context.js";
import { hasMatch, isSameVersion, readRange, type Range } from "./range.js";

/** Times are whole seconds: writing one out takes as long as the rest of a HEAD. */
const dates = new Map<number, string>();
const MOST_DATES = 10_000;

/** @throws Refusal 404, 416 */
export async function sendObject(context: HttpContext, exchange: Exchange, name: StoragePath): Promise<void> {
  const { request, response } = exchange;
  const { storage, metrics, usage } = context;
  const startedMs = usage.begin();
  const found = await storage.find(name.path);
  if (name.kind === "object") metrics.add(found ? "hits_total" : "misses_total");
  if (!found) throw new Refusal(404, "there is no such object", { [API_HEADER]: API_VERSION });
  const modified = httpDate(found.modifiedMs);
  const headers = {
    "accept-ranges": "bytes",
    // An object never becomes another one; what stands beside it may come later.
    "cache-control": name.kind === "object" ? "public, max-age=31536000, immutable" : "no-cache",
    "content-type": "application/octet-stream",
    etag: found.etag,
    "last-modified": modified,
    "x-content-type-options": "nosniff",
    [API_HEADER]: API_VERSION,
  };
  if (hasMatch(request.headers["if-none-match"], found.etag)) {
    response.writeHead(304, headers).end();
    return;
  }
  const range = isSameVersion(request.headers["if-range"]?.toString(), found.etag, modified)
    ? readRange(request.headers.range, found.sizeBytes)
    : undefined;
  if (range === "none")
    throw new Refusal(416, "the object has no such bytes", {
      "content-range": `bytes */${found.sizeBytes}`,
      [API_HEADER]: API_VERSION,
    });
  const head = range
    ? {
        ...headers,
        "content-length": range.end - range.start + 1,
        "content-range": `bytes ${range.start}-${range.end}/${found.sizeBytes}`,
      }
    : { ...headers, "content-length": found.sizeBytes };
  const status = range ? 206 : 200;
  if (request.method === "HEAD" || found.sizeBytes === 0) {
    response.writeHead(status, head).end();
    return;
  }
  await sendBody(context, response, { name, found, range, status, head });
  usage.noteAnswer("GET", name.path, startedMs, Number(head["content-length"]));
}

async function sendBody(
  { storage, metrics }: HttpContext,
  response: ServerResponse,
  part: {
    readonly name: StoragePath;
    readonly found: ServedFile;
    readonly range: Range | undefined;
    readonly status: number;
    readonly head: Readonly<Record<string, string | number>>;
  },
): Promise<void> {
  const { name, found, range, status, head } = part;
  const body = await storage.read(name.path, found, range);
  if (!body) throw new Refusal(404, "the object is gone", { [API_HEADER]: API_VERSION });
  response.writeHead(status, head);
  metrics.add("sent_bytes_total", undefined, Number(head["content-length"]));
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
    if (response.destroyed) return reject(new ClientGone());
    response.write(piece, (error) => (error ? reject(new ClientGone()) : resolve()));
  });
}

function httpDate(ms: number): string {
  const seconds = Math.trunc(ms / 1000);
  let text = dates.get(seconds);
  if (text === undefined) {
    if (dates.size >= MOST_DATES) dates.clear();
    text = new Date(seconds * 1000).toUTCString();
    dates.set(seconds, text);
  }
  return text;
}
