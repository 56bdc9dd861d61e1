/**
 * A connection of the hash equivalence protocol, from the client's side: TCP, Unix socket, WebSocket.
 *
 * @see BitBake 2.19 lib/bb/asyncrpc, lib/hashserv/client.py for the protocol
 */
import { connect, type Socket } from "node:net";

/** `host:port`, `[address]:port`, `unix:///path`, `ws://…`, `wss://…`: what BB_HASHSERVE has. */
export type HashServer =
  | { readonly kind: "tcp"; readonly host: string; readonly port: number }
  | { readonly kind: "unix"; readonly path: string }
  | { readonly kind: "websocket"; readonly url: string };

/** As BB_HASHSERVE names one; undefined for any other text. */
export function readHashServer(text: string): HashServer | undefined {
  if (text.startsWith("unix://")) return text.length > 7 ? { kind: "unix", path: text.slice(7) } : undefined;
  if (/^wss?:\/\//.test(text)) return URL.canParse(text) ? { kind: "websocket", url: text } : undefined;
  const [, v6, host = v6, port] = /^(?:\[([^\]]+)\]|([^:[\]/]+)):(\d{1,5})$/.exec(text) ?? [];
  return host === undefined || port === undefined ? undefined : { kind: "tcp", host, port: Number(port) };
}

/** Lines both ways. Reading fails with an error that says why. */
export interface Lines {
  /** One line each, or one message each of a WebSocket. */
  send(lines: readonly string[]): void;
  /** The next line, without its end. */
  read(): Promise<string>;
  close(): void;
  /** A message that is longer than a line may be goes in pieces. */
  readonly hasPieces: boolean;
}

/** No answer of a server is longer. */
const LONGEST_ANSWER = 32 << 20;

/** @param timeoutMs for the connection, and for each answer @throws system errors of connecting; Error with a code `HASH_…` */
export function openLines(server: HashServer, timeoutMs: number): Promise<Lines> {
  return server.kind === "websocket" ? openWebSocket(server.url, timeoutMs) : openStream(server, timeoutMs);
}

/** The server has gone, is silent, or says what nobody understands. */
export class HashServerError extends Error {
  override readonly name = "HashServerError";
}

class Inbox {
  readonly #timeoutMs: number;
  readonly #lines: string[] = [];
  #bytes = 0;
  #error: Error | undefined;
  #wake: (() => void) | undefined;

  constructor(timeoutMs: number) {
    this.#timeoutMs = timeoutMs;
  }

  push(lines: readonly string[]): void {
    for (const line of lines) {
      this.#bytes += line.length;
      this.#lines.push(line);
    }
    if (this.#bytes > LONGEST_ANSWER) this.fail(new HashServerError("it sends too much"));
    this.#wake?.();
  }

  fail(error: Error): void {
    this.#error ??= error;
    this.#wake?.();
  }

  async read(): Promise<string> {
    if (this.#lines.length === 0 && !this.#error) {
      const silent = setTimeout(
        () => this.fail(new HashServerError(`it has been silent for ${this.#timeoutMs / 1000} s`)),
        this.#timeoutMs,
      );
      await new Promise<void>((resolve) => (this.#wake = resolve));
      clearTimeout(silent);
    }
    const line = this.#lines.shift();
    if (line === undefined) throw this.#error ?? new HashServerError("the connection has ended");
    this.#bytes -= line.length;
    return line;
  }
}

function openStream(server: Exclude<HashServer, { kind: "websocket" }>, timeoutMs: number): Promise<Lines> {
  return new Promise((resolve, reject) => {
    const inbox = new Inbox(timeoutMs);
    const socket: Socket = connect(server.kind === "unix" ? { path: server.path } : server);
    let rest = "";
    socket.setNoDelay(true);
    socket.setEncoding("utf8");
    socket.setTimeout(timeoutMs, () => {
      if (socket.connecting)
        socket.destroy(new HashServerError(`it does not answer within ${timeoutMs / 1000} s`));
    });
    socket.on("data", (text: Buffer | string) => {
      const lines = (rest + String(text)).split("\n");
      rest = lines.pop()!;
      if (rest.length > LONGEST_ANSWER) socket.destroy(new HashServerError("it sends too much"));
      inbox.push(lines);
    });
    socket.on("error", (error) => {
      inbox.fail(error);
      reject(error);
    });
    socket.on("close", () => inbox.fail(new HashServerError("it has closed the connection")));
    socket.on("connect", () => {
      // A connection that nobody uses just now does not keep the build from ending.
      socket.unref();
      resolve({
        hasPieces: true,
        send: (lines) => void socket.write(`${lines.join("\n")}\n`),
        read: async () => {
          socket.ref();
          try {
            return await inbox.read();
          } finally {
            socket.unref();
          }
        },
        close: () => void socket.destroy(),
      });
    });
  });
}

async function openWebSocket(url: string, timeoutMs: number): Promise<Lines> {
  const { WebSocket } = await import("ws");
  return new Promise((resolve, reject) => {
    const inbox = new Inbox(timeoutMs);
    const socket = new WebSocket(url, {
      handshakeTimeout: timeoutMs,
      maxPayload: LONGEST_ANSWER,
      perMessageDeflate: false,
    });
    socket.on("message", (data: Buffer | ArrayBuffer | Buffer[]) =>
      inbox.push([
        Array.isArray(data) ? Buffer.concat(data).toString() : Buffer.from(data as Buffer).toString(),
      ]),
    );
    socket.on("error", (error) => {
      inbox.fail(error);
      reject(error);
    });
    socket.on("close", () => inbox.fail(new HashServerError("it has closed the connection")));
    socket.on("open", () =>
      resolve({
        hasPieces: false,
        send: (lines) => lines.forEach((line) => socket.send(line)),
        read: () => inbox.read(),
        close: () => socket.terminate(),
      }),
    );
  });
}
