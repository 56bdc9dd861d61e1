/** Which proxy a URL is asked through, and connections through one. */
import * as http from "node:http";
import * as https from "node:https";
import { isIP } from "node:net";
import type { Duplex } from "node:stream";
import { connect as connectTls } from "node:tls";
import { HttpError } from "./error.js";

/**
 * The proxy of `http_proxy`, `https_proxy`, `all_proxy` and `no_proxy`, in either case.
 *
 * @throws HttpError `HTTP_BAD_URL` for a proxy that does not speak HTTP (socks://…)
 */
export function proxyFor(url: URL, environment: NodeJS.ProcessEnv = process.env): URL | undefined {
  const value = (name: string) => environment[name] || environment[name.toUpperCase()] || "";
  const text = (value(`${url.protocol.slice(0, -1)}_proxy`) || value("all_proxy")).trim();
  if (text === "" || isExcepted(url, value("no_proxy"))) return undefined;
  const full = text.includes("://") ? text : `http://${text}`;
  const proxy = URL.canParse(full) ? new URL(full) : undefined;
  if (proxy?.protocol === "http:" || proxy?.protocol === "https:") return proxy;
  throw new HttpError("HTTP_BAD_URL", `the proxy \`${text}\` is no http or https URL`);
}

/** `no_proxy`: hosts with all that is below them, with a port or without; `*` for all. */
function isExcepted(url: URL, list: string): boolean {
  const host = url.hostname.replace(/^\[|\]$/g, "").toLowerCase();
  const port = url.port || (url.protocol === "https:" ? "443" : "80");
  return list
    .toLowerCase()
    .split(/[\s,]+/)
    .some((one) => {
      if (one === "*") return true;
      const [, bracketed, plain, wanted] =
        /^(?:\[(.*)\]|\*?\.?([^:]*|.*:.*:.*?))(?::(\d+))?$/.exec(one) ?? [];
      const name = bracketed ?? plain ?? "";
      if (name === "" || (wanted !== undefined && wanted !== port)) return false;
      return host === name || host.endsWith(`.${name}`);
    });
}

/** How the proxy itself is reached. */
export function placeOf(proxy: URL): Pick<http.RequestOptions, "protocol" | "host" | "port"> {
  const isTls = proxy.protocol === "https:";
  const port = proxy.port || (isTls ? "443" : "80");
  return { protocol: proxy.protocol, host: proxy.hostname.replace(/^\[|\]$/g, ""), port };
}

/** The header's value, when the proxy's URL has a login. */
export function proxyLogin(proxy: URL): Record<string, string> {
  if (proxy.username === "") return {};
  const login = `${decodeURIComponent(proxy.username)}:${decodeURIComponent(proxy.password)}`;
  return { "proxy-authorization": `Basic ${Buffer.from(login).toString("base64")}` };
}

/** Keeps TLS connections that go through a proxy's CONNECT (RFC 9110, 9.3.6). */
export class TunnelAgent extends https.Agent {
  readonly #proxy: URL;
  readonly #timeoutMs: number;

  constructor(proxy: URL, options: https.AgentOptions & { timeoutMs: number }) {
    super(options);
    this.#proxy = proxy;
    this.#timeoutMs = options.timeoutMs;
  }

  override createConnection(
    options: https.RequestOptions,
    callback?: (error: Error | null, stream: Duplex) => void,
  ): undefined {
    const done = callback as (error: Error | null, stream?: Duplex) => void;
    const host = String(options.host);
    const place = `${isIP(host) === 6 ? `[${host}]` : host}:${options.port}`;
    const request = (this.#proxy.protocol === "https:" ? https : http).request({
      ...placeOf(this.#proxy),
      method: "CONNECT",
      path: place,
      headers: { host: place, ...proxyLogin(this.#proxy) },
      timeout: this.#timeoutMs,
      agent: false,
    });
    request.on("error", (error) => done(error));
    request.on("timeout", () => {
      const silence = `the proxy ${this.#proxy.host} has been silent for ${this.#timeoutMs / 1000} s`;
      request.destroy(new HttpError("HTTP_TIMEOUT", silence));
    });
    // Whatever else the proxy says is its own word, never the server's.
    request.on("response", (answer) => {
      answer.destroy();
      done(refused(this.#proxy, answer.statusCode));
    });
    request.on("connect", (answer, socket) => {
      if (answer.statusCode === 200) {
        done(null, connectTls({ socket, host, ...(isIP(host) === 0 && { servername: host }) }));
        return;
      }
      socket.destroy();
      done(refused(this.#proxy, answer.statusCode));
    });
    request.end();
    return undefined;
  }
}

function refused(proxy: URL, status: number | undefined): HttpError {
  return new HttpError("HTTP_PROXY", `the proxy ${proxy.host} answers ${status} to CONNECT`);
}
