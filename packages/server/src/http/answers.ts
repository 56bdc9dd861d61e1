/** Answers that are no object. None has a word of the server's folders, programs or addresses in it. */
import type { IncomingMessage, ServerResponse } from "node:http";

/** Why a request was not done; the text goes to the client. */
export class Refusal extends Error {
  override readonly name = "Refusal";
  readonly status: number;
  readonly headers: Readonly<Record<string, string>>;

  constructor(status: number, message: string, headers: Readonly<Record<string, string>> = {}) {
    super(message);
    this.status = status;
    this.headers = headers;
  }
}

/** As much of a body that nobody wants is read, so that the client comes to read its answer. */
const MOST_IGNORED_BYTES = 64 << 10;
const LINGER_MS = 1000;

/** @param text a line for people and logs, without its newline */
export function sendText(
  response: ServerResponse,
  status: number,
  text: string,
  headers: Readonly<Record<string, string>> = {},
): void {
  const answer = textAnswer(text, headers);
  response.writeHead(status, answer.headers);
  response.end(answer.body);
}

/** Headers and body of an answer that is a text. */
export function textAnswer(
  text: string,
  headers: Readonly<Record<string, string>> = {},
): { readonly headers: Readonly<Record<string, string | number>>; readonly body: Buffer } {
  const body = Buffer.from(text);
  return {
    headers: {
      "content-type": "text/plain; charset=utf-8",
      ...headers,
      "content-length": body.length,
      "x-content-type-options": "nosniff",
    },
    body,
  };
}

/**
 * Refuses. A connection on which a long body is still to come ends, but not before the client has had a moment to read why: what
 * is in the way of a closed connection takes the answer with it.
 */
export function sendRefusal(request: IncomingMessage, response: ServerResponse, refusal: Refusal): void {
  if (response.headersSent || response.destroyed) {
    response.destroy();
    return;
  }
  const length = Number(request.headers["content-length"] ?? 0);
  const isLong = request.headers["transfer-encoding"] !== undefined || length > MOST_IGNORED_BYTES;
  const ends = isLong && !request.complete;
  sendText(response, refusal.status, `${refusal.message}\n`, {
    ...refusal.headers,
    ...(ends && { connection: "close" }),
  });
  if (ends) linger(request);
  else request.resume();
}

function linger(request: IncomingMessage): void {
  let left = MOST_IGNORED_BYTES;
  const timer = setTimeout(() => request.socket.destroy(), LINGER_MS);
  request.on("close", () => clearTimeout(timer));
  request.on("data", (piece: Buffer) => {
    if ((left -= piece.length) < 0) request.pause();
  });
}
