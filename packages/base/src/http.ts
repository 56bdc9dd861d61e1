/**
 * HTTP as a mirror or a download needs it: HEAD, small texts, files with resume. Bytes arrive as the server stores them
 * (no content coding is undone), connections are kept, redirects followed, the usual proxy variables honoured.
 */
import { closeSync, openSync, writeSync } from "node:fs";
import { rm, stat } from "node:fs/promises";
import * as http from "node:http";
import * as https from "node:https";
import { connect as connectTls, type TLSSocket } from "node:tls";
import { codeOf, hasCode } from "./errno.js";

export interface HttpOptions {
  /** Silence on the line that is taken for a dead server. Default: 30,000. */
  readonly timeoutMs?: number;
  /** Connections to one server at once. Default: 16. */
  readonly maxConnections?: number;
}

export interface HttpAnswer {
  readonly status: number;
  readonly headers: http.IncomingHttpHeaders;
}

/** The server answered, and it was no answer: cut off, too long, silent, in circles. `code` says which. */
export class HttpError extends Error {
  override readonly name = "HttpError";
  readonly code: "HTTP_TIMEOUT" | "HTTP_TOO_LONG" | "HTTP_REDIRECTS" | "HTTP_BAD_URL";

  constructor(code: HttpError["code"], message: string) {
    super(message);
    this.code = code;
  }
}

const MOST_REDIRECTS = 10;
const IDENTITY = { "accept-encoding": "identity", "user-agent": "tsbake" };

/** A client with its own kept connections. Idle ones do not keep the process alive. */
export class HttpClient {
  readonly #timeoutMs: number;
  readonly #agents: { readonly http: http.Agent; readonly https: https.Agent };

  constructor(options: HttpOptions = {}) {
    this.#timeoutMs = options.timeoutMs ?? 30_000;
    const agent = { keepAlive: true, maxSockets: options.maxConnections ?? 16 };
    this.#agents = { http: new http.Agent(agent), https: new https.Agent(agent) };
  }

  /** @throws system errors of connecting; HttpError */
  async head(url: string): Promise<HttpAnswer> {
    const answer = await this.#request("HEAD", url, {});
    answer.resume();
    return { status: answer.statusCode ?? 0, headers: answer.headers };
  }

  /** A small text (UTF-8), or the status when that is not 200. @throws like `head` */
  async text(url: string, maxBytes: number): Promise<{ status: number; text?: string }> {
    const answer = await this.#request("GET", url, {});
    const status = answer.statusCode ?? 0;
    if (status !== 200) {
      answer.resume();
      return { status };
    }
    const pieces: Buffer[] = [];
    let length = 0;
    for await (const piece of answer as AsyncIterable<Buffer>) {
      length += piece.length;
      if (length > maxBytes) {
        answer.destroy();
        throw new HttpError("HTTP_TOO_LONG", `${url} is longer than ${maxBytes} bytes`);
      }
      pieces.push(piece);
    }
    return { status, text: Buffer.concat(pieces).toString() };
  }

  /**
   * Gets a file; what `path` already holds is taken for its start, and only the rest is asked for.
   * On an error the part that came stays, for the next try. Only 200 (and 206) write anything.
   *
   * @param onBytes called as the body comes: bytes of the file that are there, and of the whole when the server says so
   * @returns the status: 200 also when the rest was asked for and came
   * @throws like `head`; ECONNRESET when the body was cut off; system errors of writing
   */
  async download(
    url: string,
    path: string,
    onBytes?: (done: number, total: number | undefined) => void,
  ): Promise<HttpAnswer> {
    const had = await sizeOf(path);
    const answer = await this.#request("GET", url, had > 0 ? { range: `bytes=${had}-` } : {});
    const status = answer.statusCode ?? 0;
    const headers = answer.headers;
    const start = Number(/^bytes (\d+)-/.exec(headers["content-range"] ?? "")?.[1] ?? "NaN");
    const isRest = status === 206 && start === had;
    if (status === 200 || isRest) {
      if (onBytes) watch(answer, isRest ? had : 0, onBytes);
      await save(answer, path, isRest ? "a" : "w");
      return { status: 200, headers };
    }
    answer.resume();
    if (status !== 416 || had === 0) return { status, headers };
    const whole = Number(/^bytes \*\/(\d+)$/.exec(headers["content-range"] ?? "")?.[1] ?? "NaN");
    if (whole === had) return { status: 200, headers };
    // What is there is longer than the file: it is no start of it.
    await rm(path, { force: true });
    return this.download(url, path, onBytes);
  }

  /** Closes what is kept open. */
  close(): void {
    this.#agents.http.destroy();
    this.#agents.https.destroy();
  }

  async #request(
    method: "GET" | "HEAD",
    url: string,
    headers: Readonly<Record<string, string>>,
  ): Promise<http.IncomingMessage> {
    let target = parsed(url);
    for (let hops = 0; hops <= MOST_REDIRECTS; hops++) {
      const answer = await this.#again(method, target, headers);
      const place = answer.headers.location;
      if (![301, 302, 303, 307, 308].includes(answer.statusCode ?? 0) || place === undefined) return answer;
      answer.resume();
      const next = parsed(place, target);
      // What came encrypted is not to be had in the clear, and a password is for one server only.
      if (target.protocol === "https:" && next.protocol !== "https:") {
        throw new HttpError(
          "HTTP_REDIRECTS",
          `${url} redirects from https to ${next.protocol}//${next.host}`,
        );
      }
      target = next;
    }
    throw new HttpError("HTTP_REDIRECTS", `${url} redirects in circles`);
  }

  /** A kept connection may have died unnoticed: then once more, on a new one. */
  async #again(
    method: string,
    url: URL,
    headers: Readonly<Record<string, string>>,
  ): Promise<http.IncomingMessage> {
    try {
      return await this.#once(method, url, headers);
    } catch (error) {
      if (!hasCode(error, "ECONNRESET", "EPIPE")) throw error;
      return this.#once(method, url, headers);
    }
  }

  async #once(
    method: string,
    url: URL,
    headers: Readonly<Record<string, string>>,
  ): Promise<http.IncomingMessage> {
    const isTls = url.protocol === "https:";
    const proxy = proxyFor(url);
    const all: Record<string, string> = { ...IDENTITY, ...headers };
    const options: https.RequestOptions = { method, headers: all, timeout: this.#timeoutMs };
    if (url.username !== "")
      options.auth = `${decodeURIComponent(url.username)}:${decodeURIComponent(url.password)}`;
    let request: http.ClientRequest;
    if (proxy && isTls) {
      const socket = await this.#tunnel(proxy, url);
      request = https.request(url, { ...options, agent: false, createConnection: () => socket });
    } else if (proxy) {
      all["host"] = url.host;
      const login = loginOf(proxy);
      if (login !== undefined) all["proxy-authorization"] = login;
      request = http.request({ ...options, ...placeOf(proxy), path: url.href, agent: this.#agents.http });
    } else {
      request = (isTls ? https : http).request(url, {
        ...options,
        agent: isTls ? this.#agents.https : this.#agents.http,
      });
    }
    return answered(request, url, this.#timeoutMs);
  }

  /** A TLS connection through a proxy's CONNECT (RFC 9110, 9.3.6). */
  #tunnel(proxy: URL, url: URL): Promise<TLSSocket> {
    const place = `${url.hostname}:${url.port === "" ? 443 : url.port}`;
    const login = loginOf(proxy);
    const request = http.request({
      ...placeOf(proxy),
      method: "CONNECT",
      path: place,
      headers: { host: place, ...(login === undefined ? {} : { "proxy-authorization": login }) },
      timeout: this.#timeoutMs,
    });
    return new Promise((resolve, reject) => {
      request.on("error", reject);
      request.on("timeout", () => request.destroy(silent(proxy, this.#timeoutMs)));
      request.on("connect", (answer, socket) => {
        if (answer.statusCode === 200) {
          resolve(connectTls({ socket, servername: url.hostname }));
          return;
        }
        socket.destroy();
        reject(
          new HttpError("HTTP_BAD_URL", `the proxy ${proxy.host} answers ${answer.statusCode} to CONNECT`),
        );
      });
      request.end();
    });
  }
}

function answered(request: http.ClientRequest, url: URL, timeoutMs: number): Promise<http.IncomingMessage> {
  return new Promise((resolve, reject) => {
    let answer: http.IncomingMessage | undefined;
    request.on("error", reject);
    // Silence in the middle of a body ends it with an error, too, not with a short file.
    request.on("timeout", () => (answer ?? request).destroy(silent(url, timeoutMs)));
    request.on("response", (response) => resolve((answer = response)));
    request.end();
  });
}

/** Whatever arrives is in the file before the next piece is looked at: when the line breaks, nothing of it is lost. */
function watch(
  answer: http.IncomingMessage,
  had: number,
  onBytes: (done: number, total: number | undefined) => void,
): void {
  const length = Number(answer.headers["content-length"] ?? "NaN");
  const total = Number.isNaN(length) ? undefined : had + length;
  let done = had;
  answer.on("data", (piece: Buffer) => onBytes((done += piece.length), total));
}

async function save(answer: http.IncomingMessage, path: string, flags: "a" | "w"): Promise<void> {
  const fd = openSync(path, flags);
  try {
    await new Promise<void>((resolve, reject) => {
      answer.on("data", (piece: Buffer) => {
        try {
          for (let at = 0; at < piece.length;) at += writeSync(fd, piece, at);
        } catch (error) {
          reject(error);
          answer.destroy();
        }
      });
      answer.on("end", resolve);
      answer.on("error", reject);
    });
  } finally {
    closeSync(fd);
  }
}

function silent(url: URL, timeoutMs: number): HttpError {
  return new HttpError("HTTP_TIMEOUT", `${url.host} has been silent for ${timeoutMs / 1000} s`);
}

function parsed(url: string, base?: URL): URL {
  const isGood = URL.canParse(url, base?.href);
  const target = isGood ? new URL(url, base) : undefined;
  if (target?.protocol === "http:" || target?.protocol === "https:") return target;
  throw new HttpError("HTTP_BAD_URL", `${url} is no http or https URL`);
}

/** The proxy of `http_proxy`, `https_proxy` and `no_proxy`, in either case. */
function proxyFor(url: URL): URL | undefined {
  const scheme = url.protocol.slice(0, -1);
  const text = process.env[`${scheme}_proxy`] ?? process.env[`${scheme.toUpperCase()}_PROXY`] ?? "";
  if (text === "" || !URL.canParse(text)) return undefined;
  const exceptions = (process.env["no_proxy"] ?? process.env["NO_PROXY"] ?? "")
    .split(",")
    .map((one) => one.trim());
  const isExcepted = exceptions.some((one) => {
    const name = one.replace(/^\*?\./, "");
    return one === "*" || (name !== "" && (url.hostname === name || url.hostname.endsWith(`.${name}`)));
  });
  return isExcepted ? undefined : new URL(text);
}

function placeOf(proxy: URL): { host: string; port: string } {
  return { host: proxy.hostname, port: proxy.port === "" ? "80" : proxy.port };
}

function loginOf(proxy: URL): string | undefined {
  if (proxy.username === "") return undefined;
  const login = `${decodeURIComponent(proxy.username)}:${decodeURIComponent(proxy.password)}`;
  return `Basic ${Buffer.from(login).toString("base64")}`;
}

async function sizeOf(path: string): Promise<number> {
  try {
    return (await stat(path)).size;
  } catch (error) {
    if (hasCode(error, "ENOENT")) return 0;
    throw error;
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
