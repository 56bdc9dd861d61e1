/** From a request to its handler, and from whatever that throws to an answer. */
import { BuildError, diskProblem, hasCode, isDiskProblem, messageOf } from "@tsbake/base";
import { API_HEADER, API_VERSION, EXISTS_PATH, PRUNE_PATH } from "@tsbake/sstate/remote";
import { demandScope } from "./access.js";
import { Refusal, sendRefusal, sendText } from "./answers.js";
import type { Exchange, HttpContext } from "./context.js";
import { answerExists } from "./exists.js";
import { answerPrune } from "./prune.js";
import { readName } from "./names.js";
import { sendObject } from "./objects.js";
import { StorageFailure } from "../storage/index.js";
import { takeUpload } from "./upload.js";

/** Objects are below this path. */
const OBJECTS = "/sstate/";
const METHODS = ["GET", "HEAD", "PUT", "DELETE", "POST"];

export interface Page {
  readonly type: string;
  text(): string | Promise<string>;
}

/** Pages by path, such as `/metrics`. */
export type Pages = ReadonlyMap<string, Page>;

/** Answers one request; never rejects. */
export async function route(context: HttpContext, pages: Pages, exchange: Exchange): Promise<void> {
  const { request, response } = exchange;
  try {
    await dispatch(context, pages, exchange);
  } catch (error) {
    sendRefusal(request, response, refusalOf(context, exchange, error));
  }
  // What is no method of ours is no label either.
  const method = METHODS.includes(request.method ?? "") ? request.method! : "other";
  context.metrics.addRequest(method, response.statusCode);
}

async function dispatch(context: HttpContext, pages: Pages, exchange: Exchange): Promise<void> {
  const { request, response } = exchange;
  const method = request.method ?? "";
  const [path = ""] = (request.url ?? "").split("?");
  const isRead = method === "GET" || method === "HEAD";
  if (path.startsWith(OBJECTS)) {
    const encoded = path.slice(OBJECTS.length);
    if (encoded === EXISTS_PATH) {
      if (method !== "POST") throw notAllowed("POST");
      await demandScope(context, exchange, "read");
      return answerExists(context, exchange);
    }
    if (encoded === PRUNE_PATH) {
      if (method !== "POST") throw notAllowed("POST");
      await demandScope(context, exchange, "prune");
      if (context.readOnly) throw new Refusal(403, "this server is read-only");
      return answerPrune(context, exchange);
    }
    const name = readName(encoded);
    if (isRead) {
      await demandScope(context, exchange, "read");
      if (!name) throw new Refusal(404, "this is no name of an object", { [API_HEADER]: API_VERSION });
      return sendObject(context, exchange, name);
    }
    if (method !== "PUT" && method !== "DELETE") throw notAllowed("GET, HEAD, PUT, DELETE");
    const holder = await demandScope(context, exchange, method === "PUT" ? "push" : "prune");
    if (context.readOnly) throw new Refusal(403, "this server is read-only");
    if (!name) throw new Refusal(400, "this is no name of an object");
    const who = holder?.name ?? "";
    return method === "PUT" ? takeUpload(context, exchange, name, who) : remove(context, exchange, name, who);
  }
  const page = pages.get(path);
  if (!page) throw new Refusal(404, "there is nothing here");
  if (!isRead) throw notAllowed("GET, HEAD");
  await demandScope(context, exchange, "read");
  sendText(response, 200, await page.text(), {
    "content-type": page.type,
    "cache-control": "no-store",
    "content-security-policy": "default-src 'none'; style-src 'unsafe-inline'",
  });
}

async function remove(
  { storage, log, metrics }: HttpContext,
  { response, address }: Exchange,
  name: NonNullable<ReturnType<typeof readName>>,
  who: string,
): Promise<void> {
  if (name.kind !== "object")
    throw new Refusal(400, "only an object can be deleted, with what stands beside it");
  if (!(await storage.remove(name))) throw new Refusal(404, "there is no such object");
  log.info("delete", { path: name.path, client: address, token: who });
  metrics.add("pruned_objects_total");
  response.writeHead(204).end();
}

function notAllowed(allow: string): Refusal {
  return new Refusal(405, "this cannot be done here", { allow });
}

/** Messages of the system have paths in them: they go to the log, not to the client. */
function refusalOf({ log }: HttpContext, { request, address }: Exchange, error: unknown): Refusal {
  if (error instanceof Refusal) return error;
  if (diskProblem(error, []) || (error instanceof BuildError && error.diagnostics.some(isDiskProblem))) {
    log.error("disk-full", { client: address, reason: messageOf(error) });
    return new Refusal(507, "the server has no room", { "retry-after": "60" });
  }
  if (error instanceof StorageFailure) {
    log.error("storage", { client: address, method: request.method, reason: error.message });
    return new Refusal(503, "the server cannot reach its objects", { "retry-after": "10" });
  }
  if (hasCode(error, "ECONNRESET", "ERR_STREAM_PREMATURE_CLOSE", "EPIPE"))
    return new Refusal(400, "the body was cut off");
  log.error("failed", { client: address, method: request.method, reason: messageOf(error) });
  return new Refusal(500, "the server has failed; its log says why");
}
