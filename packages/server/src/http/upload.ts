/** PUT: an object appears whole or not at all, and never in the place of another. */
import { createHash } from "node:crypto";
import type { IncomingMessage } from "node:http";
import { Pace } from "@tsbake/base";
import {
  API_HEADER,
  API_VERSION,
  DIGEST_HEADER,
  digestInHeader,
  LONGEST_SIGNATURE_HEADER,
  SIGNATURE_HEADER,
} from "@tsbake/sstate/remote";
import type { StoragePath } from "../storage/index.js";
import { Refusal, sendText } from "./answers.js";
import type { Exchange, HttpContext } from "./context.js";

/** What stands beside an object is small. */
const LONGEST_BESIDE = 32 << 20;

type Outcome = "new" | "same" | "conflict" | "broken" | "refused";

/** @param who whose token it is @throws Refusal; BuildError `base/disk-full` */
export async function takeUpload(
  context: HttpContext,
  exchange: Exchange,
  name: StoragePath,
  who: string,
): Promise<void> {
  const { metrics, log, usage } = context;
  const { request, response, address } = exchange;
  const startedMs = usage.begin();
  let outcome: Outcome = "refused";
  try {
    if (name.kind === "sha256")
      throw new Refusal(403, "the checksum is made by the server when the object comes");
    const length = lengthOf(request, name.kind === "object" ? context.limits.maxObjectBytes : LONGEST_BESIDE);
    const announced = digestOf(request);
    const known = await context.storage.digest(name);
    if (known !== undefined && announced !== undefined) {
      outcome = known === announced ? "same" : "conflict";
      answer(context, exchange, { name, who, outcome, known, digest: announced });
      return;
    }
    const incoming = await context.storage.receive();
    try {
      if (request.headers.expect !== undefined) response.writeContinue();
      outcome = "broken";
      const digest = await receive(context, request, length, (piece) => incoming.write(piece));
      if (announced !== undefined && digest !== announced)
        throw new Refusal(400, `the SHA-256 of what came is ${digest}, and ${announced} was announced`);
      const published = await incoming.publish(name, { digest, signature: signatureOf(request, name) });
      outcome = !published.wasThere ? "new" : published.digest === digest ? "same" : "conflict";
      if (outcome === "new" && name.kind === "object") usage.noteUpload(name.path, length);
      usage.noteAnswer("PUT", name.path, startedMs, length);
      answer(context, exchange, { name, who, outcome, known: published.digest, digest });
    } finally {
      await incoming.discard();
    }
  } catch (error) {
    if (outcome === "broken")
      log.warn("upload-broken", { path: name.path, client: address, token: who, reason: String(error) });
    throw error;
  } finally {
    metrics.add("uploads_total", { outcome });
  }
}

interface Ended {
  readonly name: StoragePath;
  readonly who: string;
  readonly outcome: Outcome;
  readonly known: string;
  readonly digest: string;
}

function answer({ log }: HttpContext, { request, response, address }: Exchange, ended: Ended): void {
  const { name, who, outcome, known, digest } = ended;
  const facts = { path: name.path, client: address, token: who, sha256: digest };
  if (outcome === "conflict") {
    log.warn("upload-conflict", { ...facts, standing: known });
    throw new Refusal(409, `another object has this name: its SHA-256 is ${known}`, {
      [API_HEADER]: API_VERSION,
    });
  }
  if (outcome === "new") log.info("upload", facts);
  // A client that has not waited for a word sends its body all the same.
  request.resume();
  if (outcome === "new") sendText(response, 201, "kept\n", { [API_HEADER]: API_VERSION });
  else response.writeHead(204, { [API_HEADER]: API_VERSION }).end();
}

function lengthOf(request: IncomingMessage, most: number): number {
  const text = request.headers["content-length"];
  if (text === undefined) throw new Refusal(411, "the length of the body must be said (Content-Length)");
  const length = Number(text);
  if (!/^\d{1,15}$/.test(text)) throw new Refusal(400, "Content-Length is no length");
  if (length > most) throw new Refusal(413, `an upload has at most ${most} bytes`);
  if (length === 0) throw new Refusal(400, "an object without a byte is none");
  return length;
}

function digestOf(request: IncomingMessage): string | undefined {
  const header = request.headers[DIGEST_HEADER];
  if (header === undefined) return undefined;
  const digest = digestInHeader(String(header));
  if (digest === undefined) throw new Refusal(400, `${DIGEST_HEADER} has no sha-256`);
  return digest;
}

function signatureOf(request: IncomingMessage, { kind }: StoragePath): Buffer | undefined {
  const header = request.headers[SIGNATURE_HEADER];
  if (header === undefined || kind !== "object") return undefined;
  const text = String(header);
  if (text.length > LONGEST_SIGNATURE_HEADER || !/^[A-Za-z0-9+/]+={0,2}$/.test(text))
    throw new Refusal(400, `${SIGNATURE_HEADER} is no base64`);
  return Buffer.from(text, "base64");
}

/** @returns the SHA-256 @throws Refusal 400, 408 */
async function receive(
  { limits, metrics }: HttpContext,
  request: IncomingMessage,
  length: number,
  write: (piece: Buffer) => Promise<void>,
): Promise<string> {
  const hash = createHash("sha256");
  let done = 0;
  using pace = new Pace({ windowMs: limits.idleMs, bytesPerSecond: limits.minRate }, () =>
    request.destroy(new Refusal(408, "the body comes too slowly")),
  );
  for await (const piece of request as AsyncIterable<Buffer>) {
    pace.count(piece.length);
    done += piece.length;
    // The parser ends a body where its length says; this is for the day when it does not.
    if (done > length) throw new Refusal(400, "the body is longer than Content-Length says");
    hash.update(piece);
    await write(piece);
  }
  metrics.add("received_bytes_total", undefined, done);
  if (done !== length) throw new Refusal(400, "the body is shorter than Content-Length says");
  return hash.digest("hex");
}
