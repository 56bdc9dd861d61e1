/** Questions and reports to a hash equivalence server, ours or BitBake's. */
import * as v from "valibot";
import { HashServerError, openLines, type HashServer, type Lines } from "./hash-connection.js";

export interface TaskHashKey {
  /** Of hashing outputs: hashes of two methods say nothing of each other. */
  readonly method: string;
  readonly taskhash: string;
}

export interface HashReport extends TaskHashKey {
  readonly outhash: string;
  readonly unihash: string;
  /** For people. */
  readonly task: string;
}

export interface HashClientOptions {
  readonly server: HashServer;
  /** Who logs in; without it the permissions of everybody count. */
  readonly login?: { readonly username: string; readonly token: string } | undefined;
  /** For the connection, and for each answer. */
  readonly timeoutMs: number;
}

/** Whatever a server says goes into names of files: nothing but this is a unihash. */
const unihash = v.pipe(v.string(), v.regex(/^[0-9a-f]{64}$/));
const ReportAnswer = v.object({ unihash });
const note = v.nullish(v.string());
const OutputAnswer = v.nullable(
  v.object({
    method: v.string(),
    taskhash: v.string(),
    outhash: v.string(),
    unihash,
    owner: note,
    PN: note,
    PV: note,
    PR: note,
    task: note,
    outhash_siginfo: note,
  }),
);
/** A task's output as a server knows it; undefined where it does not. */
export type HashOutput = NonNullable<v.InferOutput<typeof OutputAnswer>>;
const InvokeFailure = v.object({ "invoke-error": v.object({ message: v.string() }) });
/** Questions that are on their way at once. */
const BATCH = 500;
const LONGEST_PIECE = 32 << 10;
/** A connection that nobody has used for so long is closed: a task may take hours. */
const IDLE_MS = 2000;

/** One connection, which is made when it is needed, and again once when it has broken. One question at a time; others wait. */
export class HashClient {
  readonly #options: HashClientOptions;
  #lines: Promise<Lines> | undefined;
  #last: Promise<unknown> = Promise.resolve();
  #idle: NodeJS.Timeout | undefined;

  constructor(options: HashClientOptions) {
    this.#options = options;
  }

  /** @returns in the order of the keys @throws system errors; HashServerError */
  async unihashes(keys: readonly TaskHashKey[]): Promise<readonly (string | undefined)[]> {
    const questions = keys.map(({ method, taskhash }) => `${method} ${taskhash}`);
    const answers = await this.#stream("get-stream", questions, v.union([v.literal(""), unihash]));
    return answers.map((answer) => (answer === "" ? undefined : answer));
  }

  /** Whether some task has such a unihash. @returns in their order @throws system errors; HashServerError */
  async hasUnihashes(unihashes: readonly string[]): Promise<readonly boolean[]> {
    const answers = await this.#stream("exists-stream", unihashes, v.picklist(["true", "false"]));
    return answers.map((answer) => answer === "true");
  }

  /** The output of a task, with its unihash. @throws system errors; HashServerError */
  async outputOfTask({ method, taskhash }: TaskHashKey): Promise<HashOutput | undefined> {
    const get = { method, taskhash, all: true };
    return (await this.#inTurn((lines) => this.#ask(lines, { get }, OutputAnswer))) ?? undefined;
  }

  /** The first task that had this output. @throws system errors; HashServerError */
  async outputOfHash(method: string, outhash: string, taskhash: string): Promise<HashOutput | undefined> {
    const request = { "get-outhash": { method, outhash, taskhash, with_unihash: true } };
    return (await this.#inTurn((lines) => this.#ask(lines, request, OutputAnswer))) ?? undefined;
  }

  #stream<Schema extends v.GenericSchema<unknown, string>>(
    command: string,
    questions: readonly string[],
    schema: Schema,
  ): Promise<string[]> {
    return this.#inTurn(async (lines) => {
      await this.#ask(lines, { [command]: null }, v.literal("ok"));
      const answers: string[] = [];
      for (let at = 0; at < questions.length; at += BATCH) {
        const batch = questions.slice(at, at + BATCH);
        lines.send(batch);
        for (let count = 0; count < batch.length; count++) {
          const answer = (await lines.read()).trim();
          if (!v.is(schema, answer)) throw refusalIn(answer);
          answers.push(answer);
        }
      }
      lines.send(["END"]);
      if ((await lines.read()).replaceAll('"', "") !== "ok")
        throw new HashServerError("it does not end a stream");
      return answers;
    });
  }

  /** @returns the unihash of the task hash from now on @throws system errors; HashServerError */
  report(report: HashReport): Promise<string> {
    return this.#inTurn(async (lines) => (await this.#ask(lines, { report }, ReportAnswer)).unihash);
  }

  close(): void {
    clearTimeout(this.#idle);
    const lines = this.#lines;
    this.#lines = undefined;
    // One that could not be made has been told of.
    void lines?.then((one) => one.close()).catch((error: unknown) => error);
  }

  #inTurn<Result>(work: (lines: Lines) => Promise<Result>): Promise<Result> {
    const run = async (): Promise<Result> => {
      clearTimeout(this.#idle);
      const isOld = this.#lines !== undefined;
      try {
        return await work(await this.#connected());
      } catch (error) {
        this.close();
        // A server that was started anew, or a connection that idled too long.
        if (!isOld) throw error;
        try {
          return await work(await this.#connected());
        } catch (again) {
          this.close();
          throw again;
        }
      }
    };
    const result = this.#last.then(run).finally(() => {
      clearTimeout(this.#idle);
      this.#idle = setTimeout(() => this.close(), IDLE_MS).unref();
    });
    this.#last = result.catch((error: unknown) => error);
    return result;
  }

  #connected(): Promise<Lines> {
    return (this.#lines ??= this.#connect());
  }

  async #connect(): Promise<Lines> {
    const { server, login, timeoutMs } = this.#options;
    const lines = await openLines(server, timeoutMs);
    lines.send(["OEHASHEQUIV 1.1", "needs-headers: false", ""]);
    if (login) await this.#ask(lines, { auth: login }, v.object({ result: v.literal(true) }));
    return lines;
  }

  async #ask<Schema extends v.GenericSchema>(
    lines: Lines,
    message: object,
    schema: Schema,
  ): Promise<v.InferOutput<Schema>> {
    lines.send(pieces(JSON.stringify(message), lines.hasPieces));
    const text = await readMessage(lines);
    let data: unknown;
    try {
      data = JSON.parse(text);
    } catch {
      throw new HashServerError("it answers what is no JSON");
    }
    const read = v.safeParse(schema, data);
    if (!read.success) throw refusalIn(text);
    return read.output;
  }
}

function pieces(text: string, hasPieces: boolean): string[] {
  if (!hasPieces || text.length < LONGEST_PIECE - 1) return [text];
  const parts: string[] = ['{"chunk-stream": null}'];
  for (let at = 0; at < text.length; at += LONGEST_PIECE - 1)
    parts.push(text.slice(at, at + LONGEST_PIECE - 1));
  return [...parts, ""];
}

async function readMessage(lines: Lines): Promise<string> {
  const first = await lines.read();
  if (!lines.hasPieces || !/^\{"chunk-stream": ?null\}$/.test(first)) return first;
  const parts: string[] = [];
  for (let piece = await lines.read(); piece !== ""; piece = await lines.read()) parts.push(piece);
  return parts.join("");
}

function refusalIn(text: string): HashServerError {
  try {
    const read = v.safeParse(InvokeFailure, JSON.parse(text));
    if (read.success)
      return new HashServerError(`it says: ${read.output["invoke-error"].message.slice(0, 200)}`);
  } catch (error) {
    if (!(error instanceof SyntaxError)) throw error;
  }
  return new HashServerError("it answers something else than the protocol has");
}
