/** What can be wrong with an answer, or with the way to it. */

/** The server answered, and it was no answer: cut off, too long, silent, slow, in circles; or nobody waits any more. `code` says which. */
export class HttpError extends Error {
  override readonly name = "HttpError";
  readonly code:
    | "HTTP_TIMEOUT"
    | "HTTP_TOO_LONG"
    | "HTTP_REDIRECTS"
    | "HTTP_BAD_URL"
    | "HTTP_PROXY"
    | "HTTP_SLOW"
    | "HTTP_STOPPED";

  constructor(code: HttpError["code"], message: string) {
    super(message);
    this.code = code;
  }
}
