/**
 * Lines from and to a client, over a stream (TCP, Unix socket) or a WebSocket, where each message is one line.
 *
 * @see BitBake 2.19 lib/bb/asyncrpc/connection.py for the form: messages of JSON; on a stream a long one is announced by
 *   `{"chunk-stream": null}` and comes in pieces of at most 32 KiB, a line each, up to an empty line
 */
import type { Socket } from "node:net";
import type { WebSocket } from "ws";

export interface HashChannel {
  /** Of the client, for logs. */
  readonly address: string;
  /** The lines that have come, at least one; undefined at the end. */
  lines(): Promise<readonly string[] | undefined>;
  /** Puts lines that were read back in front of the others. */
  putBack(lines: readonly string[]): void;
  /** One line each, as they are. */
  send(lines: readonly string[]): Promise<void>;
  /** One message of JSON. */
  sendMessage(message: unknown): Promise<void>;
  close(): void;
}

/** Bytes that all clients together may have sent and that nobody has looked at. */
export class Budget {
  readonly #most: number;
  #used = 0;

  constructor(most: number) {
    this.#most = most;
  }

  /** @returns false when it is used up */
  take(bytes: number): boolean {
    this.#used += bytes;
    return this.#used <= this.#most;
  }

  giveBack(bytes: number): void {
    this.#used -= bytes;
  }
}

/** No line of BitBake's is longer than 64 KiB. */
const LONGEST_LINE = 128 << 10;
/** Of one WebSocket message, and of all pieces of a long one. */
export const LONGEST_MESSAGE = 16 << 20;
const LONGEST_PIECE = (32 << 10) - 1;
/** A client that sends more than it reads waits. */
const MOST_QUEUED = 1 << 20;

/** Lines on their way between a socket and whoever reads them. */
abstract class Queue implements HashChannel {
  abstract readonly address: string;
  #lines: string[] = [];
  #bytes = 0;
  #hasEnded = false;
  #wake: (() => void) | undefined;
  readonly #budget: Budget;

  constructor(budget: Budget) {
    this.#budget = budget;
  }

  async lines(): Promise<readonly string[] | undefined> {
    while (this.#lines.length === 0) {
      if (this.#hasEnded) return undefined;
      await new Promise<void>((resolve) => (this.#wake = resolve));
    }
    const all = this.#lines;
    this.#lines = [];
    this.#budget.giveBack(this.#bytes);
    this.#bytes = 0;
    this.flow(true);
    return all;
  }

  putBack(lines: readonly string[]): void {
    this.#lines = [...lines, ...this.#lines];
  }

  protected push(lines: readonly string[], bytes: number): void {
    if (this.#hasEnded) return;
    this.#lines.push(...lines);
    this.#bytes += bytes;
    if (!this.#budget.take(bytes)) return this.close();
    if (this.#bytes > MOST_QUEUED) this.flow(false);
    if (this.#lines.length > 0) this.#wake?.();
  }

  protected end(): void {
    if (this.#hasEnded) return;
    this.#hasEnded = true;
    this.#budget.giveBack(this.#bytes);
    this.#bytes = 0;
    this.#wake?.();
  }

  protected abstract flow(isOpen: boolean): void;
  abstract send(lines: readonly string[]): Promise<void>;
  abstract sendMessage(message: unknown): Promise<void>;
  abstract close(): void;
}

class StreamChannel extends Queue {
  readonly address: string;
  readonly #socket: Socket;
  #rest = "";

  constructor(socket: Socket, budget: Budget) {
    super(budget);
    this.#socket = socket;
    this.address = socket.remoteAddress ?? "unix";
    socket.setEncoding("utf8");
    socket.on("data", (text: Buffer | string) => this.#take(String(text)));
    socket.on("error", () => this.end());
    socket.on("end", () => this.end());
    socket.on("close", () => this.end());
  }

  #take(text: string): void {
    const lines = (this.#rest + text).split("\n");
    this.#rest = lines.pop()!;
    if (this.#rest.length > LONGEST_LINE || lines.some((line) => line.length > LONGEST_LINE))
      return this.close();
    this.push(lines, text.length);
  }

  protected flow(isOpen: boolean): void {
    if (isOpen) this.#socket.resume();
    else this.#socket.pause();
  }

  send(lines: readonly string[]): Promise<void> {
    return this.#write(`${lines.join("\n")}\n`);
  }

  sendMessage(message: unknown): Promise<void> {
    const text = asciiJson(message);
    if (text.length < LONGEST_PIECE) return this.#write(`${text}\n`);
    return this.#write(`{"chunk-stream": null}\n${pieces(text).join("\n")}\n\n`);
  }

  async #write(text: string): Promise<void> {
    if (this.#socket.destroyed) return;
    if (this.#socket.write(text)) return;
    // Who does not read gets no more to read.
    await new Promise<void>((resolve) => {
      const done = (): void => {
        for (const event of ["drain", "close", "error"]) this.#socket.off(event, done);
        resolve();
      };
      for (const event of ["drain", "close", "error"]) this.#socket.on(event, done);
    });
  }

  close(): void {
    this.#socket.end();
    this.#socket.destroySoon();
    this.end();
  }
}

class WebSocketChannel extends Queue {
  readonly address: string;
  readonly #socket: WebSocket;

  constructor(socket: WebSocket, address: string, budget: Budget) {
    super(budget);
    this.#socket = socket;
    this.address = address;
    socket.on("message", (data: Buffer | ArrayBuffer | Buffer[]) => {
      const text = Array.isArray(data)
        ? Buffer.concat(data).toString()
        : Buffer.from(data as Buffer).toString();
      this.push([text], text.length);
    });
    socket.on("error", () => this.end());
    socket.on("close", () => this.end());
  }

  protected flow(isOpen: boolean): void {
    if (isOpen) this.#socket.resume();
    else this.#socket.pause();
  }

  async send(lines: readonly string[]): Promise<void> {
    for (const line of lines) await this.#send(line);
  }

  sendMessage(message: unknown): Promise<void> {
    return this.#send(asciiJson(message));
  }

  #send(text: string): Promise<void> {
    return new Promise((resolve) => this.#socket.send(text, () => resolve()));
  }

  close(): void {
    this.#socket.close();
    this.end();
  }
}

/** Lines over TCP or a Unix socket. @param budget how much may be under way for all clients */
export function streamChannel(socket: Socket, budget: Budget): HashChannel {
  return new StreamChannel(socket, budget);
}

/** Lines over a WebSocket, each a message. @param address of the client, for logs */
export function webSocketChannel(socket: WebSocket, address: string, budget: Budget): HashChannel {
  return new WebSocketChannel(socket, address, budget);
}

/** A piece of ASCII has as many bytes as characters, which is what the reader at the other end counts. */
function asciiJson(message: unknown): string {
  return JSON.stringify(message).replace(
    /[\u007f-\uffff]/g,
    (one) => `\\u${one.charCodeAt(0).toString(16).padStart(4, "0")}`,
  );
}

/** BitBake takes blanks away at the end of a line: no piece ends in one. */
function pieces(text: string): string[] {
  const all: string[] = [];
  for (let at = 0; at < text.length;) {
    let end = Math.min(at + LONGEST_PIECE, text.length);
    while (end < text.length && text[end - 1] === " " && end > at + 1) end--;
    all.push(text.slice(at, end));
    at = end;
  }
  return all;
}
