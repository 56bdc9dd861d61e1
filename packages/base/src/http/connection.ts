/** One question and its answer: over which connection, through which proxy, with whose login, and how long it may take. */
import * as http from "node:http";
import * as https from "node:https";
import { HttpError } from "./error.js";
import { netrcLogin, readNetrc, type NetrcEntry } from "./netrc.js";
import { Pace } from "./pace.js";
import { sendUpload, type HttpBody } from "./upload.js";
import { placeOf, proxyFor, proxyLogin, TunnelAgent } from "./proxy.js";

const IDENTITY = { "accept-encoding": "identity", "user-agent": "tsbake" };

export interface ConnectionOptions {
  /** Silence on the line that is taken for a dead server, and how long headers may take. */
  readonly timeoutMs: number;
  /** To one server at once. */
  readonly maxConnections: number;
  readonly signal: AbortSignal | undefined;
}

/** What is asked, whatever server it comes to. */
export interface Question {
  readonly method: string;
  readonly headers: Readonly<Record<string, string>>;
  readonly body: HttpBody | undefined;
}

/** Keeps connections open for further questions. Idle ones do not keep the process alive. */
export class Connections {
  readonly #timeoutMs: number;
  readonly #maxConnections: number;
  readonly #signal: AbortSignal | undefined;
  /** By `protocol` or `protocol proxy`. */
  readonly #agents = new Map<string, http.Agent>();
  #netrc: readonly NetrcEntry[] | undefined;

  constructor({ timeoutMs, maxConnections, signal }: ConnectionOptions) {
    this.#timeoutMs = timeoutMs;
    this.#maxConnections = maxConnections;
    this.#signal = signal;
  }

  /**
   * Asks once.
   *
   * @param isAsked the host is the one that the caller named, not one that a redirect has sent us to
   * @returns when the headers are there; silence in the body ends it with `HTTP_TIMEOUT`
   * @throws system errors of connecting; HttpError `HTTP_TIMEOUT`, `HTTP_STOPPED`, `HTTP_PROXY`, `HTTP_BAD_URL`
   */
  ask({ method, headers, body }: Question, url: URL, isAsked: boolean): Promise<http.IncomingMessage> {
    const limits = { timeoutMs: this.#timeoutMs, signal: this.#signal, body };
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
      const options = { keepAlive: true, maxSockets: this.#maxConnections };
      const isTls = (proxy ?? url).protocol === "https:";
      if (proxy && url.protocol === "https:")
        agent = new TunnelAgent(proxy, { ...options, timeoutMs: this.#timeoutMs });
      else agent = isTls ? new https.Agent(options) : new http.Agent(options);
      this.#agents.set(key, agent);
    }
    return agent;
  }

  /** Closes what is kept open. */
  close(): void {
    for (const agent of this.#agents.values()) agent.destroy();
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

interface Limits {
  readonly body: HttpBody | undefined;
  readonly timeoutMs: number;
  readonly signal: AbortSignal | undefined;
}

function answered(request: http.ClientRequest, url: URL, limits: Limits): Promise<http.IncomingMessage> {
  const { timeoutMs, signal, body } = limits;
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
    else if (!body) request.end();
    else {
      const onSent = (bytes: number): void => deadline?.count(bytes);
      sendUpload(request, body, { onSent, onError: (error) => request.destroy(error) });
    }
  });
}

/** What every request under way ends with when the client's signal says so. */
export function stopped(): HttpError {
  return new HttpError("HTTP_STOPPED", "the build is being stopped");
}

function silent(url: URL, timeoutMs: number): HttpError {
  return new HttpError("HTTP_TIMEOUT", `${url.host} has been silent for ${timeoutMs / 1000} s`);
}
