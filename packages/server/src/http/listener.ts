/** The door: node's HTTP server with limits on all that a client may do to it. */
import { readFileSync } from "node:fs";
import * as http from "node:http";
import * as https from "node:https";
import type { Duplex } from "node:stream";
import type { AddressInfo, Socket } from "node:net";
import { messageOf } from "@tsbake/base";
import { isReadFree } from "./access.js";
import type { HttpContext } from "./context.js";
import { Front } from "./front/index.js";

export interface ListenerOptions {
  readonly host: string;
  readonly port: number;
  /** Paths of PEM files. */
  readonly tls?: { readonly certificate: string; readonly key: string };
  readonly context: HttpContext;
  readonly onRequest: (request: http.IncomingMessage, response: http.ServerResponse) => void;
  readonly onUpgrade: (request: http.IncomingMessage, socket: Duplex, head: Buffer) => void;
}

/** Longer headers than any client of ours sends. */
const LONGEST_HEADERS = 32 << 10;
const MOST_HEADERS = 64;
const HEADERS_MS = 10_000;
const KEEP_ALIVE_MS = 65_000;
/** Silence of a connection in the middle of a request or an answer. */
const SILENCE_MS = 60_000;
const MOST_CONNECTIONS = 4096;

/** A server that is listening. */
export interface Listener {
  /** `http://host:port` */
  readonly url: string;
  readonly address: AddressInfo;
  connections(): Promise<number>;
  /** Certificate and key are read again. */
  reload(): void;
  /** Nothing new is taken; what runs ends, or is cut off after so long. */
  close(graceMs: number): Promise<void>;
}

/** @throws system errors of listening and of reading the certificate */
export async function listen(options: ListenerOptions): Promise<Listener> {
  const { tls, context, host, port } = options;
  const server = boundedServer(tls);
  server.on("request", options.onRequest);
  // The handler says whether the body is wanted.
  server.on("checkContinue", options.onRequest);
  server.on("upgrade", options.onUpgrade);
  server.on("connect", (_request, socket) => socket.destroy());
  server.on("tlsClientError", (error) => context.log.info("tls-refused", { reason: messageOf(error) }));
  const event = tls ? "secureConnection" : "connection";
  const front = isReadFree(context) ? putInFront(server, event, context) : undefined;
  await begin(server, host, port);
  server.on("error", (error) => context.log.error("listener", { reason: messageOf(error) }));
  const address = server.address() as AddressInfo;
  const shown = address.family === "IPv6" ? `[${address.address}]` : address.address;
  return {
    url: `${tls ? "https" : "http"}://${shown}:${address.port}`,
    address,
    connections: () =>
      new Promise((resolve, reject) =>
        server.getConnections((error, count) => (error ? reject(error) : resolve(count))),
      ),
    reload: () => {
      if (tls && server instanceof https.Server) server.setSecureContext(pemOf(tls));
    },
    close: (graceMs) =>
      new Promise((resolve) => {
        const timer = setTimeout(() => server.closeAllConnections(), graceMs);
        server.close(() => {
          clearTimeout(timer);
          resolve();
        });
        front?.close();
        server.closeIdleConnections();
      }),
  };
}

/** A server with limits on all that a client may do to it before a handler sees anything. */
function boundedServer(tls: ListenerOptions["tls"]): http.Server | https.Server {
  const limits: http.ServerOptions = {
    maxHeaderSize: LONGEST_HEADERS,
    headersTimeout: HEADERS_MS,
    // An upload takes as long as it takes, if it is not too slow (`upload.ts`).
    requestTimeout: 0,
    keepAliveTimeout: KEEP_ALIVE_MS,
    connectionsCheckingInterval: 2000,
  };
  const server = tls ? https.createServer({ ...limits, ...pemOf(tls) }) : http.createServer(limits);
  server.maxHeadersCount = MOST_HEADERS;
  server.maxConnections = MOST_CONNECTIONS;
  server.timeout = SILENCE_MS;
  return server;
}

function begin(server: http.Server | https.Server, host: string, port: number): Promise<void> {
  return new Promise((resolve, reject) => {
    server.once("error", reject);
    server.listen({ host, port, backlog: 1024 }, () => {
      server.off("error", reject);
      resolve();
    });
  });
}

/** Connections come to the front, and from there to whom they would have come: the server that listens counts and bounds them all. */
function putInFront(server: http.Server | https.Server, event: string, context: HttpContext): Front {
  const listeners = server.listeners(event);
  server.removeAllListeners(event);
  const front = new Front({
    context,
    handOver: (socket) => {
      for (const listener of listeners) listener.call(server, socket);
    },
    firstMs: HEADERS_MS,
    keepAliveMs: KEEP_ALIVE_MS,
  });
  server.on(event, (socket: Socket) => front.accept(socket));
  return front;
}

function pemOf({ certificate, key }: NonNullable<ListenerOptions["tls"]>): { cert: Buffer; key: Buffer } {
  return { cert: readFileSync(certificate), key: readFileSync(key) };
}
