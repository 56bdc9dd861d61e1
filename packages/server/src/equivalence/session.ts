/** One client of the hash equivalence protocol, from its first line to its last. */
import { BuildError, messageOf } from "@tsbake/base";
import { LONGEST_MESSAGE, type HashChannel } from "./channel.js";
import { COMMANDS, STREAMS } from "./commands/index.js";
import { InvokeError, type Client, type EquivalenceContext, type HashUser } from "./context.js";
import { allows, type Permission } from "./permissions.js";

/** The client says nothing that this protocol knows. */
class Hangup extends Error {}

const HANDSHAKE_MS = 10_000;
const MOST_HEADERS = 32;

export class Session implements Client {
  readonly context: EquivalenceContext;
  readonly #channel: HashChannel;
  user: HashUser | undefined;

  constructor(channel: HashChannel, context: EquivalenceContext) {
    this.#channel = channel;
    this.context = context;
  }

  get address(): string {
    return this.#channel.address;
  }

  /** Until the client goes or is sent away; never rejects. */
  async serve(): Promise<void> {
    const late = setTimeout(() => this.#channel.close(), HANDSHAKE_MS);
    try {
      await this.#greet();
      clearTimeout(late);
      for (;;) {
        const message = await this.#message();
        if (message === undefined) return;
        await this.#answer(message);
      }
    } catch (error) {
      if (error instanceof InvokeError)
        await this.#channel.sendMessage({ "invoke-error": { message: error.message } });
      else if (!(error instanceof Hangup)) {
        this.context.log.error("equivalence-failed", { client: this.address, reason: reasonOf(error) });
        await this.#channel.sendMessage({
          "invoke-error": { message: "the server has failed; its log says why" },
        });
      }
    } finally {
      clearTimeout(late);
      this.#channel.close();
    }
  }

  /** `OEHASHEQUIV 1.1`, headers, an empty line. */
  async #greet(): Promise<void> {
    const first = await this.#line();
    const version = /^OEHASHEQUIV 1\.([12])\s*$/.exec(first ?? "");
    if (!version) throw new Hangup();
    let wantsHeaders = false;
    for (let count = 0; ; count++) {
      const line = (await this.#line())?.trim();
      if (line === undefined || count > MOST_HEADERS) throw new Hangup();
      if (line === "") break;
      wantsHeaders ||= /^needs-headers:\s*true$/i.test(line);
    }
    // We have none to tell.
    if (wantsHeaders) await this.#channel.send([""]);
  }

  async #line(): Promise<string | undefined> {
    const [line, ...rest] = (await this.#channel.lines()) ?? [];
    if (rest.length > 0) this.#channel.putBack(rest);
    return line;
  }

  async #message(): Promise<Readonly<Record<string, unknown>> | undefined> {
    const line = await this.#line();
    if (line === undefined) return undefined;
    const message = objectOf(line);
    if (!("chunk-stream" in message)) return message;
    const pieces: string[] = [];
    let length = 0;
    for (;;) {
      const piece = await this.#line();
      if (piece === undefined) return undefined;
      if (piece === "") return objectOf(pieces.join(""));
      if ((length += piece.length) > LONGEST_MESSAGE) throw new InvokeError("the message is too long");
      pieces.push(piece);
    }
  }

  async #answer(message: Readonly<Record<string, unknown>>): Promise<void> {
    const [name = "", request] = Object.entries(message)[0] ?? [];
    const stream = STREAMS.get(name);
    if (stream) {
      this.demand(stream.permissions);
      this.context.metrics.add("equivalence_requests_total", { command: name });
      return this.#stream((lines) => stream.answer(this, lines));
    }
    const command = COMMANDS.get(name);
    if (!command || (command.writes && this.context.readOnly))
      throw new InvokeError(`this server has no command ${JSON.stringify(name.slice(0, 40))}`);
    const started = performance.now();
    const answer = await command.run(this, request);
    this.context.statistics.add((performance.now() - started) / 1000);
    this.context.metrics.add("equivalence_requests_total", { command: name });
    await this.#channel.sendMessage(answer);
  }

  /** `ok`, then an answer a line, all that have come together at a time, up to `END`. */
  async #stream(answer: (lines: readonly string[]) => Promise<readonly string[]>): Promise<void> {
    await this.#channel.send([JSON.stringify("ok")]);
    for (;;) {
      const lines = await this.#channel.lines();
      if (lines === undefined) throw new Hangup();
      const end = lines.findIndex((line) => line === "" || line.trimEnd() === "END");
      const asked = end < 0 ? lines : lines.slice(0, end);
      if (asked.length > 0) {
        const started = performance.now();
        const answers = await answer(asked);
        const seconds = (performance.now() - started) / 1000 / asked.length;
        this.context.statistics.add(seconds, asked.length);
        await this.#channel.send(answers);
      }
      if (end < 0) continue;
      if (lines.length > end + 1) this.#channel.putBack(lines.slice(end + 1));
      return this.#channel.send(["ok"]);
    }
  }

  demand(permissions: readonly Permission[], allowAnonymous = true): void {
    const { anonymous, log } = this.context;
    if (allowAnonymous && allows(anonymous, permissions)) return;
    if (this.user && allows(this.user.permissions, permissions)) return;
    const who = this.user?.username ?? "Anonymous user";
    log.info("equivalence-denied", { client: this.address, user: who, needed: permissions });
    throw new InvokeError(`${who} has not the permissions ${permissions.join(", ")}`);
  }

  may(permissions: readonly Permission[]): boolean {
    const { anonymous } = this.context;
    return (
      allows(anonymous, permissions) ||
      (this.user !== undefined && allows(this.user.permissions, permissions))
    );
  }
}

function objectOf(line: string): Readonly<Record<string, unknown>> {
  let data: unknown;
  try {
    data = JSON.parse(line);
  } catch {
    throw new InvokeError("this is no JSON");
  }
  if (typeof data !== "object" || data === null || Array.isArray(data))
    throw new InvokeError("this is no request");
  return { ...data };
}

function reasonOf(error: unknown): string {
  return error instanceof BuildError ? (error.diagnostics[0]?.message ?? "") : messageOf(error);
}
