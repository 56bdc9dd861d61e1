/** One connection of the front: what came over it is answered in its order, up to the first thing that is the server's. */
import type { Socket } from "node:net";
import { PlainReads, type PlainRead } from "./plain-read.js";

export const END_OF_HEAD = "\r\n\r\n";

export interface Reply {
  readonly status: number;
  readonly head: string;
  readonly body?: Buffer;
}

interface ConnectionOptions {
  readonly firstMs: number;
  readonly keepAliveMs: number;
  readonly handOver: (socket: Socket) => void;
  readonly answer: (question: PlainRead) => Reply | undefined | Promise<Reply | undefined>;
  /** Called once: the connection has ended, or is the server's. */
  readonly onLeave: () => void;
}

/** One connection, as long as all that has come over it are plain reads. */
export class Connection {
  readonly #socket: Socket;
  readonly #options: ConnectionOptions;
  readonly #reads = new PlainReads();
  readonly #handlers: Readonly<Record<string, (bytes: Buffer) => void>>;
  #hasAnswered = false;
  #hasLeft = false;
  /** Not all that has come is answered. */
  #isBusy = false;
  #isLast = false;

  constructor(socket: Socket, options: ConnectionOptions) {
    this.#socket = socket;
    this.#options = options;
    this.#handlers = {
      data: (bytes) => this.#take(bytes),
      end: () => this.#end(),
      timeout: () => this.#leave(() => socket.destroy()),
      error: () => this.#leave(() => socket.destroy()),
      close: () => this.#leave(() => undefined),
    };
    socket.setTimeout(options.firstMs);
    for (const [event, handler] of Object.entries(this.#handlers)) socket.on(event, handler);
  }

  /** As soon as no question is open. */
  end(): void {
    this.#isLast = true;
    if (!this.#isBusy) this.#end();
  }

  #take(bytes: Buffer): void {
    this.#isBusy = true;
    this.#answerFrom(0, bytes, bytes.toString("latin1"));
  }

  #answerFrom(start: number, bytes: Buffer, text: string): void {
    for (let at = start; at < text.length;) {
      const end = text.indexOf(END_OF_HEAD, at);
      const question = end < 0 ? undefined : this.#reads.read(text.slice(at, end));
      // Who does not read what was sent gets no more from here.
      const reply = question && !this.#socket.writableNeedDrain ? this.#answer(question) : undefined;
      const after = end + END_OF_HEAD.length;
      if (reply instanceof Promise) return this.#wait(reply, { bytes, text, at, after });
      if (!reply) return this.#handOver(bytes.subarray(at));
      this.#send(reply);
      at = after;
    }
    this.#isBusy = false;
    if (this.#isLast) this.#end();
  }

  /** Meanwhile nothing more is taken, the end of the connection neither. */
  #wait(
    reply: Promise<Reply | undefined>,
    {
      bytes,
      text,
      at,
      after,
    }: { readonly bytes: Buffer; readonly text: string; readonly at: number; readonly after: number },
  ): void {
    const handOver = (): void => this.#handOver(bytes.subarray(at));
    this.#socket.pause();
    reply.then((found) => {
      if (!found) return handOver();
      if (this.#hasLeft) return;
      this.#send(found);
      this.#socket.resume();
      this.#answerFrom(after, bytes, text);
    }, handOver);
  }

  #answer(question: PlainRead): Reply | undefined | Promise<Reply | undefined> {
    try {
      return this.#options.answer(question);
    } catch {
      // The server asks again, and says what is wrong.
      return undefined;
    }
  }

  #send({ head, body }: Reply): void {
    const socket = this.#socket;
    if (body) {
      socket.cork();
      socket.write(head, "latin1");
      socket.write(body);
      socket.uncork();
    } else socket.write(head, "latin1");
    if (this.#hasAnswered) return;
    this.#hasAnswered = true;
    socket.setTimeout(this.#options.keepAliveMs);
  }

  #end(): void {
    this.#leave(() => this.#socket.destroySoon());
  }

  /** @param rest from the first byte that is not answered */
  #handOver(rest: Buffer): void {
    const socket = this.#socket;
    this.#leave(() => {
      socket.setTimeout(0);
      socket.pause();
      socket.unshift(rest);
      this.#options.handOver(socket);
      socket.off("error", ignore);
      socket.resume();
    });
  }

  #leave(last: () => void): void {
    if (this.#hasLeft) return;
    this.#hasLeft = true;
    for (const [event, handler] of Object.entries(this.#handlers)) this.#socket.off(event, handler);
    // A line may break while its last bytes leave.
    this.#socket.on("error", ignore);
    this.#options.onLeave();
    last();
  }
}

function ignore(): void {
  // Nobody is there to be told.
}
