/** Where clients of the hash equivalence protocol come in: TCP, a Unix socket, WebSockets of the HTTP server. */
import { lstatSync, rmSync } from "node:fs";
import type { IncomingMessage } from "node:http";
import { createServer, type AddressInfo, type Server, type Socket } from "node:net";
import type { Duplex } from "node:stream";
import { WebSocketServer } from "ws";
import { BuildError, messageOf } from "@tsbake/base";
import { cannotListen } from "../problems.js";
import { Budget, LONGEST_MESSAGE, streamChannel, webSocketChannel, type HashChannel } from "./channel.js";
import type { EquivalenceContext } from "./context.js";
import { Session } from "./session.js";

const MOST_CLIENTS = 4096;
const MOST_WAITING_BYTES = 256 << 20;
/** A client that has vanished is noticed by the kernel. */
const ALIVE_EVERY_MS = 30_000;

/** `host:port`, `[address]:port` or `unix:///path`. */
export type HashAddress = { readonly path: string } | { readonly host: string; readonly port: number };

/** `HOST:PORT` or `unix:///PATH`; undefined for any other text. */
export function readHashAddress(text: string): HashAddress | undefined {
  if (text.startsWith("unix://")) return text.length > 7 ? { path: text.slice(7) } : undefined;
  const [, v6, host = v6, port] = /^(?:\[([^\]]+)\]|([^:[\]]+)):(\d{1,5})$/.exec(text) ?? [];
  if (host === undefined || port === undefined || Number(port) > 65_535) return undefined;
  return { host, port: Number(port) };
}

export class HashListeners {
  readonly #context: EquivalenceContext;
  readonly #budget = new Budget(MOST_WAITING_BYTES);
  readonly #servers: Server[] = [];
  readonly #paths: string[] = [];
  readonly #clients = new Set<HashChannel>();
  readonly #sessions = new Set<Promise<void>>();
  readonly #webSockets = new WebSocketServer({
    noServer: true,
    maxPayload: LONGEST_MESSAGE,
    perMessageDeflate: false,
  });

  constructor(context: EquivalenceContext) {
    this.#context = context;
    context.metrics.gauge(
      "equivalence_clients",
      "Clients of the hash equivalence protocol.",
      () => this.#clients.size,
    );
  }

  /** @returns what BB_HASHSERVE says to reach it @throws BuildError `server/cannot-listen` */
  async listen(address: HashAddress): Promise<string> {
    const server = createServer((socket) => this.#accept(socket));
    server.maxConnections = MOST_CLIENTS;
    // Of a server that was killed; nobody answers there.
    if ("path" in address && lstatSync(address.path, { throwIfNoEntry: false })?.isSocket())
      rmSync(address.path, { force: true });
    try {
      await new Promise<void>((resolve, reject) => {
        server.once("error", reject);
        server.listen({ ...address, backlog: 1024 }, resolve);
      });
    } catch (error) {
      throw new BuildError([cannotListen(messageOf(error))], { cause: error });
    }
    this.#servers.push(server);
    if ("path" in address) {
      this.#paths.push(address.path);
      return `unix://${address.path}`;
    }
    const { address: host, port, family } = server.address() as AddressInfo;
    return `${family === "IPv6" ? `[${host}]` : host}:${port}`;
  }

  #accept(socket: Socket): void {
    socket.setNoDelay(true);
    socket.setKeepAlive(true, ALIVE_EVERY_MS);
    this.#serve(streamChannel(socket, this.#budget));
  }

  /** `ws://host:port` of BB_HASHSERVE: any path of the HTTP server. */
  upgrade(request: IncomingMessage, socket: Duplex, head: Buffer): void {
    if (this.#clients.size >= MOST_CLIENTS) {
      socket.destroy();
      return;
    }
    this.#webSockets.handleUpgrade(request, socket, head, (one) =>
      this.#serve(webSocketChannel(one, request.socket.remoteAddress ?? "", this.#budget)),
    );
  }

  #serve(channel: HashChannel): void {
    this.#clients.add(channel);
    const session = new Session(channel, this.#context).serve().finally(() => {
      this.#clients.delete(channel);
      this.#sessions.delete(session);
    });
    this.#sessions.add(session);
  }

  /** Clients are sent away when what they have asked is answered, after `graceMs` in any case. */
  async close(graceMs: number): Promise<void> {
    for (const server of this.#servers) server.close();
    for (const path of this.#paths) rmSync(path, { force: true });
    // A client has no word for farewell: it asks again elsewhere when its connection ends.
    for (const client of this.#clients) client.close();
    let isLate = false;
    let timer: NodeJS.Timeout | undefined;
    const late = new Promise<void>((resolve) => (timer = setTimeout(resolve, graceMs))).then(() => {
      isLate = true;
    });
    while (this.#sessions.size > 0 && !isLate) await Promise.race([...this.#sessions, late]);
    clearTimeout(timer);
    this.#webSockets.close();
  }
}
