/**
 * HTTP as a mirror or a download needs it: HEAD, small texts, files with resume. Bytes arrive as the server stores them
 * (no content coding is undone), connections are kept, redirects followed, the usual proxy variables and `~/.netrc`
 * honoured. What passes (a busy server, a broken line) is tried again before anybody hears of it.
 */
import { setMaxListeners } from "node:events";
import { closeSync, openSync, writeSync } from "node:fs";
import { rm, stat } from "node:fs/promises";
import * as http from "node:http";
import * as https from "node:https";
import { dirname } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { needSpace } from "../files/disk.js";
import { codeOf, hasCode, messageOf } from "../diagnostics/errno.js";
import { HttpError } from "./http-error.js";
import { Pace } from "./http-pace.js";
import { netrcLogin, readNetrc, type NetrcEntry } from "./netrc.js";
import { placeOf, proxyFor, proxyLogin, TunnelAgent } from "./proxy.js";

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

export interface HttpAnswer {
  readonly status: number;
  readonly headers: http.IncomingHttpHeaders;
}

const DEFAULT_MIN_RATE = 100;
/** What a server says beside an error is not read to its end, so that it may be without one. */
const MOST_IGNORED_BYTES = 64 << 10;
const LONGEST_IGNORED_MS = 5000;
/** How often a download looks whether the disk still has room. */
const LOOK_EVERY_BYTES = 32 << 20;
/** As much of the disk is left to others. */
const LEFT_FREE_BYTES = 64 << 20;
/** The longest that setTimeout takes. */
const LONGEST_TIMER_MS = 2 ** 31 - 1;
const MOST_REDIRECTS = 10;
const MOST_TRIES = 3;
/** A silent server has cost its time once already. */
const MOST_TRIES_OF_SILENCE = 2;
/** A server may ask for patience (Retry-After), but not for more than this. */
const LONGEST_PAUSE_MS = 30_000;
/** Statuses of a server that may have another answer in a moment. */
const BUSY: readonly number[] = [408, 429, 500, 502, 503, 504];
const IDENTITY = { "accept-encoding": "identity", "user-agent": "tsbake" };

/** A client with its own kept connections. Idle ones do not keep the process alive. */
export class HttpClient {
  readonly #options: HttpOptions;
  readonly #timeoutMs: number;
  /** By `protocol` or `protocol proxy`. */
  readonly #agents = new Map<string, http.Agent>();
  #netrc: readonly NetrcEntry[] | undefined;
  /** What the server has called the file whose start lies at a path. */
  readonly #versions = new Map<string, { readonly url: string; readonly version: string }>();

  constructor(options: HttpOptions = {}) {
    this.#options = options;
    this.#timeoutMs = options.timeoutMs ?? 30_000;
    // One listener for each request under way.
    if (options.signal) setMaxListeners(0, options.signal);
  }

  /** @throws system errors of connecting; HttpError */
  async head(url: string): Promise<HttpAnswer> {
    const answer = await this.#request("HEAD", url, {});
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
    const answer = await this.#request("GET", url, {});
    const status = answer.statusCode ?? 0;
    if (status !== 200) {
      ignoreBody(answer);
      return { status };
    }
    const pieces: Buffer[] = [];
    let length = 0;
    using pace = this.#pace(answer, url);
    for await (const piece of answer as AsyncIterable<Buffer>) {
      length += piece.length;
      pace.count(piece.length);
      if (length > maxBytes) {
        answer.destroy();
        throw new HttpError("HTTP_TOO_LONG", `${url} is longer than ${maxBytes} bytes`);
      }
      pieces.push(piece);
    }
    return { status, bytes: Buffer.concat(pieces) };
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
    const had = await sizeOf(path);
    const answer = await this.#request("GET", url, had > 0 ? this.#rest(url, path, had) : {});
    const status = answer.statusCode ?? 0;
    const headers = answer.headers;
    const start = Number(/^bytes (\d+)-/.exec(headers["content-range"] ?? "")?.[1] ?? "NaN");
    const isRest = status === 206 && start === had;
    if (status === 200 || isRest) {
      this.#remember(url, path, headers);
      if (onBytes) watch(answer, isRest ? had : 0, onBytes);
      using pace = this.#pace(answer, url);
      answer.on("data", (piece: Buffer) => pace.count(piece.length));
      using _limit = this.#limit(answer, { url, path, had: isRest ? had : 0 });
      await save(answer, path, isRest ? "a" : "w");
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

  #pace(answer: http.IncomingMessage, url: string): Pace {
    const bytesPerSecond = this.#options.minRate ?? DEFAULT_MIN_RATE;
    const windowMs = this.#timeoutMs;
    return new Pace({ windowMs, bytesPerSecond }, () => {
      const text = `${new URL(url).host} sends fewer than ${bytesPerSecond} bytes a second (over ${windowMs / 1000} s)`;
      answer.destroy(new HttpError("HTTP_SLOW", text));
    });
  }

  /** A body may be without end: ends it where it is too long, takes too long, or fills the disk. */
  #limit(
    answer: http.IncomingMessage,
    { url, path, had }: { readonly url: string; readonly path: string; readonly had: number },
  ): Disposable {
    const { maxBytes = Infinity, maxMs } = this.#options;
    const { host } = new URL(url);
    let done = had;
    let nextLook = 0;
    const look = (expected: number): void => {
      if (done + expected > maxBytes)
        throw new HttpError("HTTP_TOO_LONG", `${url} is longer than ${maxBytes} bytes`);
      if (done < nextLook) return;
      nextLook = done + LOOK_EVERY_BYTES;
      needSpace(dirname(path), expected + LEFT_FREE_BYTES, `a download from ${host}`);
    };
    try {
      look(Number(answer.headers["content-length"] ?? 0));
    } catch (error) {
      answer.destroy();
      throw error;
    }
    answer.on("data", (piece: Buffer) => {
      done += piece.length;
      try {
        look(0);
      } catch (error) {
        answer.destroy(error as Error);
      }
    });
    const late = (): void => {
      const text = `${host} has not sent all of ${new URL(url).pathname} in ${maxMs! / 1000} s`;
      answer.destroy(new HttpError("HTTP_SLOW", text));
    };
    const timer = maxMs === undefined ? undefined : setTimeout(late, Math.min(maxMs, LONGEST_TIMER_MS));
    return { [Symbol.dispose]: () => clearTimeout(timer) };
  }

  #rest(url: string, path: string, had: number): Record<string, string> {
    const known = this.#versions.get(path);
    return {
      range: `bytes=${had}-`,
      ...(known?.url === url && { "if-range": known.version }),
    };
  }

  /** Only what tells bytes apart: no weak ETag (RFC 9110, 13.1.5). */
  #remember(url: string, path: string, headers: http.IncomingHttpHeaders): void {
    const tag = headers.etag?.startsWith("W/") ? undefined : headers.etag;
    const version = tag ?? headers["last-modified"];
    if (version === undefined) this.#versions.delete(path);
    else this.#versions.set(path, { url, version });
  }

  /** Closes what is kept open. */
  close(): void {
    for (const agent of this.#agents.values()) agent.destroy();
  }

  async #request(
    method: "GET" | "HEAD",
    url: string,
    headers: Readonly<Record<string, string>>,
  ): Promise<http.IncomingMessage> {
    let target = parsed(url);
    const asked = target.host;
    for (let hops = 0; hops <= MOST_REDIRECTS; hops++) {
      const answer = await this.#patiently(method, target, headers, target.host === asked);
      const place = answer.headers.location;
      if (![301, 302, 303, 307, 308].includes(answer.statusCode ?? 0) || place === undefined) return answer;
      ignoreBody(answer);
      const next = parsed(place, target);
      // What came encrypted is not to be had in the clear, and a password is for one server only.
      if (target.protocol === "https:" && next.protocol !== "https:") {
        throw new HttpError(
          "HTTP_REDIRECTS",
          `${url} redirects from https to ${next.protocol}//${next.host}`,
        );
      }
      if (next.origin === target.origin && next.username === "") {
        next.username = target.username;
        next.password = target.password;
      }
      target = next;
    }
    throw new HttpError("HTTP_REDIRECTS", `${url} redirects in circles`);
  }

  /** What may pass is waited for. */
  async #patiently(
    method: string,
    url: URL,
    headers: Readonly<Record<string, string>>,
    isAsked: boolean,
  ): Promise<http.IncomingMessage> {
    const { signal } = this.#options;
    for (let tries = 1; ; tries++) {
      let pauseMs = (this.#options.retryPauseMs ?? 500) * 4 ** (tries - 1);
      let reason: string;
      try {
        const answer = await this.#again(method, url, headers, isAsked);
        const status = answer.statusCode ?? 0;
        if (!BUSY.includes(status) || tries === MOST_TRIES) return answer;
        ignoreBody(answer);
        pauseMs = Math.max(pauseMs, askedPauseMs(answer.headers["retry-after"]));
        if (pauseMs > LONGEST_PAUSE_MS) return answer;
        reason = `answers ${status}`;
      } catch (error) {
        const most = hasCode(error, "HTTP_TIMEOUT") ? MOST_TRIES_OF_SILENCE : MOST_TRIES;
        if (tries >= most || signal?.aborted || !hasCode(error, ...PASSING)) throw error;
        reason = messageOf(error);
      }
      this.#options.onRetry?.(`${url.host}: ${reason}; asked again in ${pauseMs / 1000} s`);
      await pause(pauseMs, signal);
    }
  }

  /** A kept connection may have died unnoticed: then once more, on a new one. */
  async #again(
    method: string,
    url: URL,
    headers: Readonly<Record<string, string>>,
    isAsked: boolean,
  ): Promise<http.IncomingMessage> {
    try {
      return await this.#once(method, url, headers, isAsked);
    } catch (error) {
      if (!hasCode(error, "ECONNRESET", "EPIPE")) throw error;
      return this.#once(method, url, headers, isAsked);
    }
  }

  #once(
    method: string,
    url: URL,
    headers: Readonly<Record<string, string>>,
    isAsked: boolean,
  ): Promise<http.IncomingMessage> {
    const limits = { timeoutMs: this.#timeoutMs, signal: this.#options.signal };
    const isTls = url.protocol === "https:";
    const proxy = proxyFor(url);
    const agent = this.#agent(url, proxy);
    const all: Record<string, string> = { ...IDENTITY, ...headers };
    const auth = this.#login(url, isAsked);
    const common = {
      method,
      headers: all,
      timeout: this.#timeoutMs,
      agent,
      ...(auth !== undefined && { auth }),
    };
    if (proxy && !isTls) {
      Object.assign(all, { host: url.host }, proxyLogin(proxy));
      const whole = new URL(url);
      [whole.username, whole.password, whole.hash] = ["", "", ""];
      const options = { ...common, ...placeOf(proxy), path: whole.href };
      return answered((proxy.protocol === "https:" ? https : http).request(options), url, limits);
    }
    return answered((isTls ? https : http).request(url, common), url, limits);
  }

  #agent(url: URL, proxy: URL | undefined): http.Agent {
    const key = `${url.protocol} ${proxy?.href ?? ""}`;
    let agent = this.#agents.get(key);
    if (!agent) {
      const options = { keepAlive: true, maxSockets: this.#options.maxConnections ?? 16 };
      const isTls = (proxy ?? url).protocol === "https:";
      if (proxy && url.protocol === "https:")
        agent = new TunnelAgent(proxy, { ...options, timeoutMs: this.#timeoutMs });
      else agent = isTls ? new https.Agent(options) : new http.Agent(options);
      this.#agents.set(key, agent);
    }
    return agent;
  }

  /** Of the URL, else of `~/.netrc`: of this host, whoever has sent us here; `default` is for the host that was asked. */
  #login(url: URL, isAsked: boolean): string | undefined {
    const [user, password] = [decodeURIComponent(url.username), decodeURIComponent(url.password)];
    if (user !== "" && password !== "") return `${user}:${password}`;
    const known = netrcLogin((this.#netrc ??= readNetrc()), url.hostname, user, isAsked);
    if (known) return `${known.login}:${known.password}`;
    return user === "" ? undefined : `${user}:`;
  }
}

/** A line that breaks, a name server that is busy, silence. */
const PASSING = ["ECONNRESET", "EPIPE", "ETIMEDOUT", "EAI_AGAIN", "HTTP_TIMEOUT"] as const;

/** Retry-After: seconds, or a date. */
function askedPauseMs(header: string | undefined): number {
  if (header === undefined) return 0;
  if (/^\d+$/.test(header)) return Number(header) * 1000;
  const until = Date.parse(header);
  return Number.isNaN(until) ? 0 : Math.max(0, until - Date.now());
}

interface Limits {
  readonly timeoutMs: number;
  readonly signal: AbortSignal | undefined;
}

function answered(request: http.ClientRequest, url: URL, limits: Limits): Promise<http.IncomingMessage> {
  const { timeoutMs, signal } = limits;
  return new Promise((resolve, reject) => {
    let answer: http.IncomingMessage | undefined;
    const end = (error: HttpError): void => void (answer ?? request).destroy(error);
    const onStop = (): void => end(stopped());
    signal?.addEventListener("abort", onStop, { once: true });
    // Headers that come letter by letter are as good as none. Waiting for a free connection is not the server's time.
    let deadline: Pace | undefined;
    request.on("socket", () => {
      if (answer) return;
      deadline?.close();
      deadline = new Pace({ windowMs: timeoutMs, bytesPerSecond: 1 }, () => end(silent(url, timeoutMs)));
    });
    request.on("error", reject);
    // Silence in the middle of a body ends it with an error, too, not with a short file.
    request.on("timeout", () => end(silent(url, timeoutMs)));
    request.on("response", (response) => {
      deadline?.close();
      resolve((answer = response));
    });
    request.on("close", () => {
      deadline?.close();
      signal?.removeEventListener("abort", onStop);
    });
    if (signal?.aborted) onStop();
    else request.end();
  });
}

function stopped(): HttpError {
  return new HttpError("HTTP_STOPPED", "the build is being stopped");
}

async function pause(ms: number, signal: AbortSignal | undefined): Promise<void> {
  try {
    await sleep(ms, undefined, signal && { signal });
  } catch (error) {
    throw signal?.aborted ? stopped() : error;
  }
}

/** Its connection can be used again when there is little of it. */
function ignoreBody(answer: http.IncomingMessage): void {
  let left = MOST_IGNORED_BYTES;
  const timer = setTimeout(() => answer.destroy(), LONGEST_IGNORED_MS);
  // Nobody asks for it any more, so nobody is to hear that it broke off.
  answer.on("error", () => undefined);
  answer.on("close", () => clearTimeout(timer));
  answer.on("data", (piece: Buffer) => {
    if ((left -= piece.length) < 0) answer.destroy();
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
