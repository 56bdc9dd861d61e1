/** A question until there is an answer: redirects are followed, and what may pass is asked again. */
import type { IncomingMessage } from "node:http";
import { setTimeout as sleep } from "node:timers/promises";
import { hasCode, messageOf } from "../diagnostics/errno.js";
import { ignoreBody } from "./body.js";
import { stopped, type Connections, type Question } from "./connection.js";
import { HttpError } from "./error.js";
import type { HttpBody } from "./upload.js";

const MOST_REDIRECTS = 10;
const MOST_TRIES = 3;
/** A silent server has cost its time once already. */
const MOST_TRIES_OF_SILENCE = 2;
/** A server may ask for patience (Retry-After), but not for more than this. */
const LONGEST_PAUSE_MS = 30_000;
/** Statuses of a server that may have another answer in a moment. */
const BUSY: readonly number[] = [408, 429, 500, 502, 503, 504];
/** A line that breaks, a name server that is busy, silence. */
const PASSING = ["ECONNRESET", "EPIPE", "ETIMEDOUT", "EAI_AGAIN", "HTTP_TIMEOUT"] as const;

export interface RequestOptions {
  /** Pause before the first of the further tries; the second is four times as long. */
  readonly retryPauseMs: number;
  readonly signal: AbortSignal | undefined;
  readonly onRetry: ((message: string) => void) | undefined;
}

export class Requests {
  readonly #connections: Connections;
  readonly #retryPauseMs: number;
  readonly #signal: AbortSignal | undefined;
  readonly #onRetry: ((message: string) => void) | undefined;

  constructor(connections: Connections, { retryPauseMs, signal, onRetry }: RequestOptions) {
    this.#connections = connections;
    this.#retryPauseMs = retryPauseMs;
    this.#signal = signal;
    this.#onRetry = onRetry;
  }

  /**
   * The answer of the server that has the file, whatever its status; the caller reads the body or ignores it.
   *
   * @throws system errors of connecting; HttpError
   */
  async open(
    method: "GET" | "HEAD" | "PUT" | "POST" | "DELETE",
    url: string,
    headers: Readonly<Record<string, string>>,
    body?: HttpBody,
  ): Promise<IncomingMessage> {
    let target = parsed(url);
    const asked = target.host;
    for (let hops = 0; hops <= MOST_REDIRECTS; hops++) {
      const answer = await this.#patiently({ method, headers, body }, target, target.host === asked);
      const place = answer.headers.location;
      if (![301, 302, 303, 307, 308].includes(answer.statusCode ?? 0) || place === undefined) return answer;
      ignoreBody(answer);
      // Nobody has meant the body, or the token that goes with it, for another place.
      if (method !== "GET" && method !== "HEAD")
        throw new HttpError("HTTP_REDIRECTS", `${url} redirects what is sent to it`);
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
  async #patiently(question: Question, url: URL, isAsked: boolean): Promise<IncomingMessage> {
    for (let tries = 1; ; tries++) {
      let pauseMs = this.#retryPauseMs * 4 ** (tries - 1);
      let reason: string;
      try {
        const answer = await this.#again(question, url, isAsked);
        const status = answer.statusCode ?? 0;
        if (!BUSY.includes(status) || tries === MOST_TRIES) return answer;
        ignoreBody(answer);
        pauseMs = Math.max(pauseMs, askedPauseMs(answer.headers["retry-after"]));
        if (pauseMs > LONGEST_PAUSE_MS) return answer;
        reason = `answers ${status}`;
      } catch (error) {
        const most = hasCode(error, "HTTP_TIMEOUT") ? MOST_TRIES_OF_SILENCE : MOST_TRIES;
        if (tries >= most || this.#signal?.aborted || !hasCode(error, ...PASSING)) throw error;
        reason = messageOf(error);
      }
      this.#onRetry?.(`${url.host}: ${reason}; asked again in ${pauseMs / 1000} s`);
      await pause(pauseMs, this.#signal);
    }
  }

  /** A kept connection may have died unnoticed: then once more, on a new one. */
  async #again(question: Question, url: URL, isAsked: boolean): Promise<IncomingMessage> {
    try {
      return await this.#connections.ask(question, url, isAsked);
    } catch (error) {
      if (!hasCode(error, "ECONNRESET", "EPIPE")) throw error;
      return this.#connections.ask(question, url, isAsked);
    }
  }
}

/** Retry-After: seconds, or a date. */
function askedPauseMs(header: string | undefined): number {
  if (header === undefined) return 0;
  if (/^\d+$/.test(header)) return Number(header) * 1000;
  const until = Date.parse(header);
  return Number.isNaN(until) ? 0 : Math.max(0, until - Date.now());
}

async function pause(ms: number, signal: AbortSignal | undefined): Promise<void> {
  try {
    await sleep(ms, undefined, signal && { signal });
  } catch (error) {
    throw signal?.aborted ? stopped() : error;
  }
}

function parsed(url: string, base?: URL): URL {
  const isGood = URL.canParse(url, base?.href);
  const target = isGood ? new URL(url, base) : undefined;
  if (target?.protocol === "http:" || target?.protocol === "https:") return target;
  throw new HttpError("HTTP_BAD_URL", `${url} is no http or https URL`);
}
