/** What is sent with a request: made anew for each try, and only when the server wants it. */
import type { ClientRequest } from "node:http";
import { Readable } from "node:stream";

export interface HttpBody {
  readonly bytes: number;
  open(): Readable;
}

/** A shorter one is sent without asking first. */
const WORTH_ASKING_BYTES = 64 << 10;
/** A server that knows nothing of `Expect` gets the body all the same. @see RFC 9110, 10.1.1 */
const CONTINUE_MS = 1000;

/** A text in UTF-8 to send. */
export function textBody(text: string): HttpBody {
  const bytes = Buffer.from(text);
  return { bytes: bytes.length, open: () => Readable.from([bytes], { objectMode: false }) };
}

/** Headers that go with a body. */
export function bodyHeaders({ bytes }: HttpBody): Record<string, string> {
  return {
    "content-length": String(bytes),
    ...(bytes > WORTH_ASKING_BYTES && { expect: "100-continue" }),
  };
}

/**
 * Sends headers, and the body when the server asks for it. What is sent is counted: a line on which something moves is not dead.
 *
 * @param onError told when the body cannot be read, after which the request is of no use
 */
export function sendUpload(
  request: ClientRequest,
  body: HttpBody,
  { onSent, onError }: { readonly onSent: (bytes: number) => void; readonly onError: (error: Error) => void },
): void {
  let stream: Readable | undefined;
  const begin = (): void => {
    clearTimeout(timer);
    if (stream || request.destroyed) return;
    stream = body.open();
    stream.on("data", (piece: Buffer) => onSent(piece.length));
    stream.on("error", onError);
    stream.pipe(request);
  };
  const end = (): void => {
    clearTimeout(timer);
    stream?.unpipe(request);
    stream?.destroy();
  };
  const timer = setTimeout(begin, CONTINUE_MS);
  request.on("continue", begin);
  // An answer before the end of the body is a refusal.
  request.on("response", end);
  request.on("close", end);
  request.flushHeaders();
  if (body.bytes <= WORTH_ASKING_BYTES) begin();
}
