/**
 * A short way for the questions that a farm asks thousands of times a second. It looks at what comes over a connection before
 * node's HTTP server does, and answers plain reads of objects (`plain-read.ts`) whose answer is at hand, as the server would. At
 * the first byte that it does not answer, the connection is the server's, and stays there: all that is rare, slow, wrong or not
 * yet whole is dealt with in one place.
 */
import { STATUS_CODES } from "node:http";
import type { Socket } from "node:net";
import { Refusal, textAnswer } from "../answers.js";
import type { HttpContext } from "../context.js";
import { readName } from "../names.js";
import { answerFor, countQuestion, httpDate } from "../object-answer.js";
import { Connection, END_OF_HEAD, type Reply } from "./connection.js";
import type { PlainRead } from "./plain-read.js";
import type { ServedFile, StoragePath } from "../../storage/index.js";

export interface FrontOptions {
  readonly context: HttpContext;
  /** Serves a connection, from what has not been read of it. */
  readonly handOver: (socket: Socket) => void;
  /** Silence before the first question, and between answers, in ms. */
  readonly firstMs: number;
  readonly keepAliveMs: number;
}

export class Front {
  readonly #options: FrontOptions;
  readonly #connections = new Set<Connection>();
  readonly #keepAlive: string;
  /** Of files that were asked for before, up to the time of the answer. */
  readonly #heads = new WeakMap<ServedFile, string>();

  constructor(options: FrontOptions) {
    this.#options = options;
    this.#keepAlive = `Connection: keep-alive\r\nKeep-Alive: timeout=${Math.floor(options.keepAliveMs / 1000)}${END_OF_HEAD}`;
  }

  accept(socket: Socket): void {
    const { firstMs, keepAliveMs, handOver } = this.#options;
    const connection = new Connection(socket, {
      firstMs,
      keepAliveMs,
      answer: (question) => this.#answer(question),
      handOver,
      onLeave: () => this.#connections.delete(connection),
    });
    this.#connections.add(connection);
  }

  /** Connections without an open question end, the others when it is answered. */
  close(): void {
    for (const connection of this.#connections) connection.end();
  }

  /** @returns undefined where the server has to look at it @throws what the storage throws: the server asks again, and says so */
  #answer({ method, encoded }: PlainRead): Reply | undefined | Promise<Reply | undefined> {
    const { storage, usage } = this.#options.context;
    const name = readName(encoded);
    if (!name || (method === "GET" && !storage.small)) return undefined;
    const startedMs = usage.begin();
    const found = storage.find(name.path);
    if (found instanceof Promise) return found.then((file) => this.#reply(method, name, file, startedMs));
    return this.#reply(method, name, found, startedMs);
  }

  #reply(
    method: PlainRead["method"],
    name: StoragePath,
    found: ServedFile | undefined,
    startedMs: number,
  ): Reply | undefined | Promise<Reply | undefined> {
    if (method === "HEAD" || !found || found.sizeBytes === 0) return this.#counted(method, name, found);
    const { storage, metrics, usage } = this.#options.context;
    const withBody = (body: Buffer | undefined): Reply | undefined => {
      if (!body) return undefined;
      const reply = this.#counted(method, name, found);
      metrics.add("sent_bytes_total", undefined, body.length);
      usage.noteAnswer(method, name.path, startedMs, body.length);
      return { ...reply, body };
    };
    const body = storage.small?.(name.path, found);
    return body instanceof Promise ? body.then(withBody) : withBody(body);
  }

  #counted(method: PlainRead["method"], name: StoragePath, found: ServedFile | undefined): Reply {
    const { context } = this.#options;
    countQuestion(context, name, found !== undefined);
    const reply = this.#replyFor(method, name, found);
    context.metrics.addRequest(method, reply.status);
    return reply;
  }

  #replyFor(method: PlainRead["method"], name: StoragePath, found: ServedFile | undefined): Reply {
    const before = found && this.#heads.get(found);
    if (before !== undefined) return { status: 200, head: this.#ended(before) };
    try {
      const { status, headers } = answerFor(name, found, {});
      const head = headOf(status, headers);
      if (found) this.#heads.set(found, head);
      return { status, head: this.#ended(head) };
    } catch (error) {
      if (!(error instanceof Refusal)) throw error;
      const { headers, body } = textAnswer(`${error.message}\n`, error.headers);
      const head = this.#ended(headOf(error.status, headers));
      return { status: error.status, head, ...(method === "GET" && { body }) };
    }
  }

  #ended(head: string): string {
    return `${head}Date: ${httpDate(Date.now())}\r\n${this.#keepAlive}`;
  }
}

function headOf(status: number, headers: Readonly<Record<string, string | number>>): string {
  let text = `HTTP/1.1 ${status} ${STATUS_CODES[status]!}\r\n`;
  for (const name in headers) text += `${name}: ${headers[name]!}\r\n`;
  return text;
}
