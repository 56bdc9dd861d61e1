/**
 * HTTP as a mirror or a download needs it: HEAD, small texts, files with resume, uploads. Bytes arrive as the server stores them
 * (no content coding is undone), connections are kept, redirects followed, the usual proxy variables and `~/.netrc`
 * honoured. What passes (a busy server, a broken line) is tried again before anybody hears of it.
 */
import { setMaxListeners } from "node:events";
import { rm } from "node:fs/promises";
import type { IncomingHttpHeaders, IncomingMessage } from "node:http";
import { codeOf } from "../diagnostics/errno.js";
import { sizeIfThere } from "../files/folders.js";
import { ignoreBody, limitFile, saveBody, watchBytes, watchPace, type FileLimits } from "./body.js";
import { Connections } from "./connection.js";
import { HttpError } from "./error.js";
import type { PaceLimit } from "./pace.js";
import { Requests } from "./request.js";
import { bodyHeaders, type HttpBody } from "./upload.js";

export interface HttpOptions {
  /** Silence on the line that is taken for a dead server, and how long headers may take. Default: 30,000. */
  readonly timeoutMs?: number;
  /** Least bytes a second, on average over `timeoutMs`: what is slower is given up. 0: no limit. Default: 100. */
  readonly minRate?: number;
  /** A longer file is given up: HttpError `HTTP_TOO_LONG`. Default: none is too long. */
  readonly maxBytes?: number;
  /** A download that takes longer is given up (HttpError `HTTP_SLOW`); what came stays. Default: as long as it likes. */
  readonly maxMs?: number;
  /** Ends what is under way: it throws HttpError `HTTP_STOPPED`. */
  readonly signal?: AbortSignal;
  /** Connections to one server at once. Default: 16. */
  readonly maxConnections?: number;
  /** Pause before the first of the further tries; the second is four times as long. Default: 500. */
  readonly retryPauseMs?: number;
  /** Told of each further try: whom, why and when. */
  readonly onRetry?: (message: string) => void;
}

export interface SendOptions {
  /** Of the server that is asked only. */
  readonly headers?: Readonly<Record<string, string>>;
  readonly body?: HttpBody;
  /** A longer answer is given up. */
  readonly maxBytes: number;
}

export interface HttpAnswer {
  readonly status: number;
  readonly headers: IncomingHttpHeaders;
}

const DEFAULT_MIN_RATE = 100;

/** A client with its own kept connections. Idle ones do not keep the process alive. */
export class HttpClient {
  readonly #connections: Connections;
  readonly #requests: Requests;
  readonly #pace: PaceLimit;
  readonly #limits: FileLimits;
  /** What the server has called the file whose start lies at a path. */
  readonly #versions = new Map<string, { readonly url: string; readonly version: string }>();

  constructor(options: HttpOptions = {}) {
    const { timeoutMs = 30_000, maxConnections = 16, retryPauseMs = 500, signal, onRetry } = options;
    // One listener for each request under way.
    if (signal) setMaxListeners(0, signal);
    this.#connections = new Connections({ timeoutMs, maxConnections, signal });
    this.#requests = new Requests(this.#connections, { retryPauseMs, signal, onRetry });
    this.#pace = { windowMs: timeoutMs, bytesPerSecond: options.minRate ?? DEFAULT_MIN_RATE };
    this.#limits = options;
  }

  /** @throws system errors of connecting; HttpError */
  async head(url: string): Promise<HttpAnswer> {
    const answer = await this.#requests.open("HEAD", url, {});
    ignoreBody(answer);
    return { status: answer.statusCode ?? 0, headers: answer.headers };
  }

  /** A small text (UTF-8), or the status when that is not 200. @throws like `head` */
  async text(url: string, maxBytes: number): Promise<{ status: number; text?: string }> {
    const { status, bytes } = await this.bytes(url, maxBytes);
    return bytes ? { status, text: bytes.toString() } : { status };
  }

  /** As `text`, of a small file of any kind. */
  async bytes(url: string, maxBytes: number): Promise<{ status: number; bytes?: Buffer }> {
    const answer = await this.#requests.open("GET", url, {});
    const status = answer.statusCode ?? 0;
    if (status !== 200) {
      ignoreBody(answer);
      return { status };
    }
    return { status, bytes: await this.#read(answer, url, maxBytes) };
  }

  /**
   * Sends something, and reads a small answer.
   *
   * @throws like `head`; HttpError `HTTP_REDIRECTS` for a redirect, `HTTP_TOO_LONG`
   */
  async send(
    method: "PUT" | "POST" | "DELETE",
    url: string,
    { headers = {}, body, maxBytes }: SendOptions,
  ): Promise<HttpAnswer & { readonly text: string }> {
    const all = { ...headers, ...(body && bodyHeaders(body)) };
    const answer = await this.#requests.open(method, url, all, body);
    const text = (await this.#read(answer, url, maxBytes)).toString();
    return { status: answer.statusCode ?? 0, headers: answer.headers, text };
  }

  async #read(answer: IncomingMessage, url: string, maxBytes: number): Promise<Buffer> {
    const pieces: Buffer[] = [];
    let length = 0;
    using pace = watchPace(answer, url, this.#pace);
    for await (const piece of answer as AsyncIterable<Buffer>) {
      length += piece.length;
      pace.count(piece.length);
      if (length > maxBytes) {
        answer.destroy();
        throw new HttpError("HTTP_TOO_LONG", `${url} is longer than ${maxBytes} bytes`);
      }
      pieces.push(piece);
    }
    return Buffer.concat(pieces);
  }

  /**
   * Gets a file; what `path` already holds is taken for its start, and only the rest is asked for (If-Range, when this
   * client has brought the start itself: a file that has changed meanwhile comes whole).
   * On an error the part that came stays, for the next try. Only 200 (and 206) write anything.
   *
   * @param onBytes called as the body comes: bytes of the file that are there, and of the whole when the server says so
   * @returns the status: 200 also when the rest was asked for and came
   * @throws like `head`; ECONNRESET when the body was cut off; system errors of writing; BuildError `base/disk-full`
   */
  async download(
    url: string,
    path: string,
    onBytes?: (done: number, total: number | undefined) => void,
  ): Promise<HttpAnswer> {
    const had = await sizeIfThere(path);
    const answer = await this.#requests.open("GET", url, had > 0 ? this.#rest(url, path, had) : {});
    const status = answer.statusCode ?? 0;
    const headers = answer.headers;
    const start = Number(/^bytes (\d+)-/.exec(headers["content-range"] ?? "")?.[1] ?? "NaN");
    const isRest = status === 206 && start === had;
    if (status === 200 || isRest) {
      this.#remember(url, path, headers);
      if (onBytes) watchBytes(answer, isRest ? had : 0, onBytes);
      using pace = watchPace(answer, url, this.#pace);
      answer.on("data", (piece: Buffer) => pace.count(piece.length));
      using _limit = limitFile(answer, { url, path, had: isRest ? had : 0 }, this.#limits);
      await saveBody(answer, path, isRest ? "a" : "w");
      this.#versions.delete(path);
      return { status: 200, headers };
    }
    if (status === 206) answer.destroy();
    else ignoreBody(answer);
    if ((status !== 416 && status !== 206) || had === 0) return { status, headers };
    const whole = Number(/^bytes \*\/(\d+)$/.exec(headers["content-range"] ?? "")?.[1] ?? "NaN");
    if (status === 416 && whole === had) return { status: 200, headers };
    // What is there is longer than the file, or the server sends another part: from the beginning.
    await rm(path, { force: true });
    return this.download(url, path, onBytes);
  }

  #rest(url: string, path: string, had: number): Record<string, string> {
    const known = this.#versions.get(path);
    return {
      range: `bytes=${had}-`,
      ...(known?.url === url && { "if-range": known.version }),
    };
  }

  /** Only what tells bytes apart: no weak ETag (RFC 9110, 13.1.5). */
  #remember(url: string, path: string, headers: IncomingHttpHeaders): void {
    const tag = headers.etag?.startsWith("W/") ? undefined : headers.etag;
    const version = tag ?? headers["last-modified"];
    if (version === undefined) this.#versions.delete(path);
    else this.#versions.set(path, { url, version });
  }

  /** Closes what is kept open. */
  close(): void {
    this.#connections.close();
  }
}

/** Whether the error says that the server cannot be reached or does not speak HTTP, rather than that a file is not there. */
export function isUnreachable(error: unknown): boolean {
  const code = codeOf(error) ?? "";
  return (
    /^(ECONN|EHOST|ENET|ENOTFOUND|EAI_|EPROTO|ETIMEDOUT|EPIPE|HPE_|HTTP_|ERR_TLS|CERT_|ERR_SSL|ERR_STREAM_PREMATURE_CLOSE)/.test(
      code,
    ) || /^(DEPTH_|SELF_SIGNED|UNABLE_TO)/.test(code)
  );
}
